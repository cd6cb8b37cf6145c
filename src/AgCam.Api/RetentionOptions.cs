using System.ComponentModel.DataAnnotations;

namespace AgCam.Api;

/// <summary>How long things are kept that nobody deletes. The section "Api:Retention".</summary>
public sealed record RetentionOptions
{
    /// <summary>Hours for which an image that was sent along is kept; then its overlay cannot be drawn any more. Default a week.</summary>
    [Range(1.0, 87_600.0)]
    public double UploadHours { get; init; } = 168;

    /// <summary>Hours for which the key of a request that is done is remembered by its chunk. Its item stays. Default a week.</summary>
    [Range(1.0, 87_600.0)]
    public double RequestHours { get; init; } = 168;

    /// <summary>
    /// Days after its end for which a job is kept with its items, and days for which the item of a request is kept.
    /// A job whose webhook is still being called is kept until that has ended. Default: for ever.
    /// </summary>
    [Range(1.0, 36_500.0)]
    public double? JobDays { get; init; }

    /// <summary>
    /// Days for which an explanation is kept that no item refers to any more: it is still a result that need not be computed again.
    /// Default 30.
    /// </summary>
    [Range(1.0, 3650.0)]
    public double ExplanationDays { get; init; } = 30;

    /// <summary>Minutes between two looks. Default 60.</summary>
    [Range(0.01, 1440.0)]
    public double EveryMinutes { get; init; } = 60;
}
