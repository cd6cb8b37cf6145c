namespace AgCam.Pipeline.Records;

/// <summary>Codes at the start of <see cref="Job.Reason"/> when a paused job can never run. Codes are stored: never rename one.</summary>
public static class PauseCode
{
    /// <summary>The source has changed since planning began.</summary>
    public const string SourceChanged = "source-changed";

    /// <summary>A planned chunk breaks a rule of this release.</summary>
    public const string InvalidChunk = "invalid-chunk";

    /// <summary>The pinned model has no class that a target names.</summary>
    public const string NoSuchTarget = "no-such-target";

    private static readonly string[] Permanent =
    [
        SourceChanged,
        InvalidChunk,
        NoSuchTarget,
        AgCam.Models.ModelFailure.UnsupportedArchitecture,
    ];

    public static string Reason(string code, string text) => $"{code}: {text}";

    /// <summary>Returns whether the job would be paused again each time it is resumed.</summary>
    public static bool IsPermanent(string? reason) =>
        reason is not null && Permanent.Any(code => reason.StartsWith($"{code}:", StringComparison.Ordinal));
}
