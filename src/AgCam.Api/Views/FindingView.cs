using System.Text.Json;
using AgCam.Pipeline.Records;

namespace AgCam.Api.Views;

/// <summary>An image, a member of a group, a class or a slice that a finding lists.</summary>
/// <param name="Finding">Name of the finding.</param>
/// <param name="Image">Number of the image in the audited job. Absent for a class or a slice.</param>
/// <param name="IsIssue">Whether the finding counts it.</param>
/// <param name="Details">Path, score, reason, and what else the finding says: the fields of an item or class in the report.</param>
internal sealed record FindingView(string Finding, int? Image, bool IsIssue, JsonElement Details)
{
    public static FindingView Of(StoredFinding finding) =>
        new(finding.Finding, finding.Image, finding.IsIssue, JsonElement.Parse(finding.Body));
}
