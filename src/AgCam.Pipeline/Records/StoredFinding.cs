namespace AgCam.Pipeline.Records;

/// <summary>An image, a member of a group, a class or a slice that a finding of an audit lists.</summary>
/// <param name="Number">Position in the audit: findings in the order of the report, worst first within each.</param>
/// <param name="Finding">Name of the finding.</param>
/// <param name="Image">Number of the image in the audited job; null for a class or a slice.</param>
/// <param name="Class">Class index: of the class, or of the image's given or else predicted class; null where there is none.</param>
/// <param name="IsIssue">Whether the finding counts it.</param>
/// <param name="Body">Details for a person and a program, as a JSON object in UTF-8.</param>
public sealed record StoredFinding(int Number, string Finding, int? Image, int? Class, bool IsIssue, byte[] Body);
