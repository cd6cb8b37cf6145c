using System.ComponentModel.DataAnnotations;
using AgCam.Pipeline.References;

namespace AgCam.Pipeline.Webhooks;

/// <summary>Webhooks that are called when a job ends, and the hosts that jobs may name.</summary>
public sealed record WebhookOptions : IValidatableObject
{
    internal const string HostsSetting = "Pipeline:Webhooks:Hosts";

    /// <summary>Address that is called at the end of every job without a webhook of its own. Default none.</summary>
    public string? Url { get; init; }

    /// <summary>
    /// Hosts that a job may name for its own webhook: "hooks.example.org", or "*.example.org". Ports 80 and 443 are
    /// allowed; a port after the host is the only one allowed: "hooks.example.org:8443". Default none.
    /// </summary>
    public IReadOnlyList<string> Hosts { get; init; } = [];

    /// <summary>
    /// Networks that are allowed although their addresses are private, loopback and so on: "10.1.0.0/16". Default none.
    /// </summary>
    public IReadOnlyList<string> Networks { get; init; } = [];

    /// <summary>Key of the signature, at least 16 characters, shared with the receiver. Required with Url or Hosts.</summary>
    public string? Secret { get; init; }

    /// <summary>File that holds <see cref="Secret"/>, such as a mounted secret of a cluster. Default none.</summary>
    public string? SecretFile { get; init; }

    /// <summary>Maximum seconds that a receiver takes to answer. Default 10.</summary>
    [Range(0.1, 60)]
    public double TimeoutSeconds { get; init; } = 10;

    /// <summary>Hours after a job's end in which its webhook is retried. Default 24.</summary>
    [Range(0.0001, 720)]
    public double GiveUpHours { get; init; } = 24;

    internal bool AreOn => Url is { Length: > 0 } || Hosts.Count > 0;

    /// <summary>Hosts that may be called: those of jobs, and the host and port of <see cref="Url"/>.</summary>
    internal IReadOnlyList<string> AllHosts => Uri.TryCreate(Url, UriKind.Absolute, out var url) ? [.. Hosts, AllowedHost.Of(url)] : Hosts;

    /// <summary>Returns the options with the content of <see cref="SecretFile"/> in <see cref="Secret"/>.</summary>
    /// <exception cref="OptionsException">The file is missing, cannot be read, or is empty.</exception>
    internal WebhookOptions WithSecrets() =>
        SecretFile is not { } file
            ? this
            : this with
            {
                Secret = Pipeline.SecretFile.Read("Pipeline:Webhooks:SecretFile", file),
                SecretFile = null,
            };

    /// <summary>Returns whether a job may name the address.</summary>
    public bool MayCall(Uri uri) => new GuardedHosts(AllHosts, [], HostsSetting).IsAllowed(uri);

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Url is { Length: > 0 } && !(Uri.TryCreate(Url, UriKind.Absolute, out var url) && url.Scheme is "http" or "https"))
            yield return new ValidationResult("must be an http:// or https:// address.", [nameof(Url)]);
        if (AreOn && Secret is not { Length: >= 16 })
            yield return new ValidationResult(
                "must have 16 characters or more where webhooks are called: receivers know us by it.",
                [nameof(Secret)]
            );
    }

    /// <summary>Returns the options without secrets.</summary>
    public override string ToString() => $"{nameof(WebhookOptions)} {{ Hosts = {string.Join(", ", AllHosts)} }}";
}
