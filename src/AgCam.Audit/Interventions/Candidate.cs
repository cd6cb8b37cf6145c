namespace AgCam.Audit.Interventions;

/// <summary>Class whose predictions may rest on a few patches. An intervention tests it.</summary>
/// <param name="Finding">Name of the finding that suspects it.</param>
/// <param name="Class">Index of the class.</param>
/// <param name="Patches">Suspected patches of the model's grid.</param>
public sealed record Candidate(string Finding, int Class, IReadOnlyList<Patch> Patches);

/// <summary>Patch of the model's grid.</summary>
/// <param name="Row">From 0, at the top.</param>
/// <param name="Column">From 0, on the left.</param>
public readonly record struct Patch(int Row, int Column);

/// <summary>State of a candidate.</summary>
public enum CandidateStatus
{
    /// <summary>Not tested.</summary>
    Candidate,

    Confirmed,

    NotConfirmed,
}

public static class CandidateStatusText
{
    /// <summary>Returns the state as it is written in reports.</summary>
    public static string Text(this CandidateStatus status) =>
        status switch
        {
            CandidateStatus.Candidate => "candidate",
            CandidateStatus.Confirmed => "confirmed",
            _ => "not-confirmed",
        };
}
