using System.ComponentModel.DataAnnotations;

namespace AgCam.Pipeline.Telemetry;

/// <summary>
/// What a process tells of itself. Traces, metrics and logs go out by OTLP as soon as OpenTelemetry's own variables name a collector
/// (OTEL_EXPORTER_OTLP_ENDPOINT and its siblings); what is here comes besides.
/// </summary>
public sealed record TelemetryOptions : IValidatableObject
{
    public const string Section = "Telemetry";

    /// <summary>
    /// Where Prometheus may scrape /metrics, e.g. http://127.0.0.1:9464, or http://*:9464 for other machines. It asks nobody who they
    /// are, so it is a port of its own. Default none.
    /// </summary>
    public string? Prometheus { get; init; }

    /// <summary>How the log on stderr is written: Text, or Json with every scope (job, chunk, trace). Default Text.</summary>
    [EnumDataType(typeof(LogForm))]
    public LogForm Logs { get; init; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        // A star means every address of the machine; it is no host of a URI.
        if (
            Prometheus is { Length: > 0 }
            && !(
                Uri.TryCreate(Prometheus.Replace("://*", "://any.invalid", StringComparison.Ordinal), UriKind.Absolute, out var uri)
                && uri.Scheme == Uri.UriSchemeHttp
                && uri.PathAndQuery == "/"
            )
        )
            yield return new ValidationResult(
                "must be an address like http://127.0.0.1:9464 or http://*:9464, without a path.",
                [nameof(Prometheus)]
            );
    }
}

public enum LogForm
{
    Text,
    Json,
}
