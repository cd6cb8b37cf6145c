using System.ComponentModel.DataAnnotations;

namespace AgCam.Pipeline.Records;

/// <summary>Settings of a job that is audited once every image has its record.</summary>
public sealed record AuditSpec
{
    /// <summary>Prefix of <see cref="JobSpec.Source"/>, before the id of a completed job whose images are audited.</summary>
    public const string Source = "job:";

    /// <summary>Maximum of <see cref="Top"/>.</summary>
    public const int MaxTop = 100_000;

    /// <summary>Names of the findings. Null for all.</summary>
    public IReadOnlyList<string>? Findings { get; init; }

    /// <summary>Probability of the label below which an image counts, when another class is predicted. Default 0.2.</summary>
    [Range(0.0, 1.0)]
    public double LabelThreshold { get; init; } = 0.2;

    /// <summary>Maximum number of images, groups or classes that are stored for each finding, worst first. Default 1,000.</summary>
    [Range(1, MaxTop)]
    public int Top { get; init; } = 1000;

    /// <summary>
    /// Number of images of a suspected class, and of other classes, with which it is tested on the model; 0 tests none. Default 64.
    /// </summary>
    [Range(0, MaxTop)]
    public int Confirm { get; init; } = 64;

    /// <summary>Gates, separated by commas, such as "label:2%,split-leak:0". Null for none.</summary>
    public string? FailOn { get; init; }

    /// <summary>Returns the job whose images are audited; null when the text is not that of a finished job.</summary>
    public static Guid? AuditedJob(string source) =>
        source.StartsWith(Source, StringComparison.Ordinal) && Guid.TryParse(source[Source.Length..], out var job) ? job : null;
}
