using System.Globalization;

namespace AgCam.Models.Hub;

/// <summary>Where models come from and where they are kept, in the environment variables of Python's huggingface_hub.</summary>
public sealed record HubOptions
{
    public const string DefaultEndpoint = "https://huggingface.co";

    /// <summary>HF_ENDPOINT, without a slash at the end.</summary>
    public string Endpoint { get; init; } = DefaultEndpoint;

    /// <summary>HF_TOKEN: sent to the endpoint's own host only, never to where it redirects.</summary>
    public string? Token { get; init; }

    /// <summary>HF_HUB_CACHE; else HF_HOME/hub; else ~/.cache/huggingface/hub. Shared with Python.</summary>
    public required string CacheFolder { get; init; }

    /// <summary>HF_HUB_OFFLINE: nothing is fetched, only what is in the cache is used.</summary>
    public bool Offline { get; init; }

    /// <summary>HF_HUB_DOWNLOAD_TIMEOUT, in seconds: the longest silence of the server. Default 10 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Tries in a row that may fail before giving up. A try that brought bytes starts the count anew. Default 5.</summary>
    public int Attempts { get; init; } = 5;

    /// <summary>Pause after the first failure; it doubles after each, up to 30 s. Default 1 s.</summary>
    public TimeSpan Backoff { get; init; } = TimeSpan.FromSeconds(1);

    public static HubOptions FromEnvironment() => FromEnvironment(Environment.GetEnvironmentVariable);

    /// <param name="variable">Looks a variable up; null or empty where it is not set.</param>
    /// <exception cref="ModelException">A variable makes no sense.</exception>
    public static HubOptions FromEnvironment(Func<string, string?> variable)
    {
        var endpoint = (Set("HF_ENDPOINT") ?? DefaultEndpoint).TrimEnd('/');
        if (!Uri.TryCreate(endpoint, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
            throw new ModelException(
                ModelFailure.BadConfiguration,
                $"HF_ENDPOINT is {PrintableName.Of(endpoint)}: it should be an http or https address, e.g. {DefaultEndpoint}."
            );
        var seconds = 10.0;
        if (
            Set("HF_HUB_DOWNLOAD_TIMEOUT") is { } given
            && (!double.TryParse(given, CultureInfo.InvariantCulture, out seconds) || seconds is not (> 0 and <= 86_400))
        )
            throw new ModelException(
                ModelFailure.BadConfiguration,
                $"HF_HUB_DOWNLOAD_TIMEOUT is {PrintableName.Of(given)}: it should be a number of seconds above 0."
            );

        if (Set("HF_TOKEN") is { } token && token.AsSpan().IndexOfAnyExceptInRange('!', '~') >= 0)
            throw new ModelException(ModelFailure.BadConfiguration, "HF_TOKEN holds characters that no token has. Copy it again.");

        var home = Set("HF_HOME") ?? Path.Combine(Set("XDG_CACHE_HOME") ?? Path.Combine(UserFolder, ".cache"), "huggingface");
        return new HubOptions
        {
            Endpoint = endpoint,
            Token = Set("HF_TOKEN"),
            CacheFolder = Path.GetFullPath(Expand(Set("HF_HUB_CACHE") ?? Path.Combine(home, "hub"))),
            Offline = Set("HF_HUB_OFFLINE")?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE",
            Timeout = TimeSpan.FromSeconds(seconds),
        };

        string? Set(string name) => variable(name)?.Trim() is { Length: > 0 } value ? value : null;
    }

    /// <summary>A shell would have expanded ~; a variable set elsewhere still holds it.</summary>
    private static string Expand(string path) =>
        path is "~" || path.StartsWith("~/", StringComparison.Ordinal) ? UserFolder + path[1..] : path;

    private static string UserFolder => Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);

    /// <summary>Never shows the token.</summary>
    public override string ToString() =>
        $"{Endpoint}, cache {CacheFolder}{(Offline ? ", offline" : "")}{(Token is null ? "" : ", with a token")}";
}
