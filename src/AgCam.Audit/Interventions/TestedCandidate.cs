namespace AgCam.Audit.Interventions;

/// <summary>A candidate with the outcome of its intervention.</summary>
/// <param name="Problem">Why there were too few images for a decision, or fewer than asked for; null without a problem.</param>
/// <param name="Pictures">Names of the pictures of the intervention, below the folder of the audit.</param>
public sealed record TestedCandidate(Candidate Candidate, Confirmation Confirmation, string? Problem, IReadOnlyList<string> Pictures);
