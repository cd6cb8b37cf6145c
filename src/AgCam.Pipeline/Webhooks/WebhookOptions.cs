using System.ComponentModel.DataAnnotations;
using AgCam.Pipeline.References;

namespace AgCam.Pipeline.Webhooks;

/// <summary>Who may be told that a job has ended. Nobody is called who is not named.</summary>
public sealed record WebhookOptions : IValidatableObject
{
    internal const string HostsSetting = "Pipeline:Webhooks:Hosts";

    /// <summary>Called at the end of every job that names no webhook of its own. Default none.</summary>
    public string? Url { get; init; }

    /// <summary>
    /// Hosts that a job may name for its own webhook: "hooks.example.org", or "*.example.org". Ports 80 and 443 may be called; another
    /// port is written behind the host and then the only one: "hooks.example.org:8443". None by default.
    /// </summary>
    public IReadOnlyList<string> Hosts { get; init; } = [];

    /// <summary>
    /// Addresses that are refused otherwise (private, loopback, ...) but belong to hosts of one's own: "10.1.0.0/16". None by default.
    /// </summary>
    public IReadOnlyList<string> Networks { get; init; } = [];

    /// <summary>The key of the signature, at least 16 characters; the receiver has it too. Needed with Url or Hosts.</summary>
    public string? Secret { get; init; }

    /// <summary>A file that holds what <see cref="Secret"/> would: a secret that a cluster mounts. Default none.</summary>
    public string? SecretFile { get; init; }

    /// <summary>Seconds that a receiver may take to answer. Default 10.</summary>
    [Range(0.1, 60)]
    public double TimeoutSeconds { get; init; } = 10;

    /// <summary>Hours after a job's end for which its webhook is tried. Default 24.</summary>
    [Range(0.0001, 720)]
    public double GiveUpHours { get; init; } = 24;

    internal bool AreOn => Url is { Length: > 0 } || Hosts.Count > 0;

    /// <summary>The hosts of jobs, and the host and port of <see cref="Url"/>.</summary>
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

    /// <summary>Whether a job may name it.</summary>
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

    /// <summary>Without what is secret.</summary>
    public override string ToString() => $"{nameof(WebhookOptions)} {{ Hosts = {string.Join(", ", AllHosts)} }}";
}
