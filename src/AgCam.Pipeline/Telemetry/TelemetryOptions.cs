using System.ComponentModel.DataAnnotations;

namespace AgCam.Pipeline.Telemetry;

/// <summary>
/// Telemetry of a process. OpenTelemetry's own variables (OTEL_EXPORTER_OTLP_ENDPOINT and others) switch on traces, metrics and logs over
/// OTLP; these options come in addition.
/// </summary>
public sealed record TelemetryOptions : IValidatableObject
{
    public const string Section = "Telemetry";

    /// <summary>
    /// Address at which Prometheus scrapes /metrics: http://127.0.0.1:9464, or http://*:9464 for all networks. It needs no API key, so it
    /// has a port of its own. Default none.
    /// </summary>
    public string? Prometheus { get; init; }

    /// <summary>Format of the log on stderr: Text, or Json with every scope (job, chunk, trace). Default Text.</summary>
    [EnumDataType(typeof(LogForm))]
    public LogForm Logs { get; init; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        // A star means every address of the machine; Uri does not accept it as a host.
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

/// <summary>Format of the log on stderr.</summary>
public enum LogForm
{
    Text,
    Json,
}
