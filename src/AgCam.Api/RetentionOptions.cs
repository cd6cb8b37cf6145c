using System.ComponentModel.DataAnnotations;

namespace AgCam.Api;

/// <summary>Options of retention: section "Api:Retention".</summary>
public sealed record RetentionOptions
{
    /// <summary>Hours that an upload is kept; afterwards its overlay cannot be drawn. Default 168.</summary>
    [Range(1.0, 87_600.0)]
    public double UploadHours { get; init; } = 168;

    /// <summary>Hours that the idempotency key of a finished request is kept. Its item stays. Default 168.</summary>
    [Range(1.0, 87_600.0)]
    public double RequestHours { get; init; } = 168;

    /// <summary>
    /// Days that an ended job with its items, and the item of a request, are kept. A job with a pending webhook is kept until the call has
    /// ended. Default: for ever.
    /// </summary>
    [Range(1.0, 36_500.0)]
    public double? JobDays { get; init; }

    /// <summary>Days that an explanation without items is kept, so that it need not be computed again. Default 30.</summary>
    [Range(1.0, 3650.0)]
    public double ExplanationDays { get; init; } = 30;

    /// <summary>Minutes between two runs. Default 60.</summary>
    [Range(0.01, 1440.0)]
    public double EveryMinutes { get; init; } = 60;
}
