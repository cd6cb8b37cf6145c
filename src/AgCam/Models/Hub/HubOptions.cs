using System.Globalization;

namespace AgCam.Models.Hub;

/// <summary>Options of downloads and cache, read from the environment variables of Python's huggingface_hub.</summary>
public sealed record HubOptions
{
    public const string DefaultEndpoint = "https://huggingface.co";

    /// <summary>HF_ENDPOINT, without a trailing slash.</summary>
    public string Endpoint { get; init; } = DefaultEndpoint;

    /// <summary>HF_TOKEN, sent only to the endpoint's host, never to the target of a redirect.</summary>
    public string? Token { get; init; }

    /// <summary>HF_HUB_CACHE, HF_HOME/hub or ~/.cache/huggingface/hub. Shared with Python.</summary>
    public required string CacheFolder { get; init; }

    /// <summary>HF_HUB_OFFLINE. True uses only the cache. Default false.</summary>
    public bool Offline { get; init; }

    /// <summary>HF_HUB_DOWNLOAD_TIMEOUT in seconds: timeout of each read from the server. Default 10 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Maximum number of consecutive failed attempts. An attempt that received bytes resets the count. Default 5.</summary>
    public int Attempts { get; init; } = 5;

    /// <summary>Delay after the first failure; it doubles after each failure, up to 30 s. Default 1 s.</summary>
    public TimeSpan Backoff { get; init; } = TimeSpan.FromSeconds(1);

    public static HubOptions FromEnvironment() => FromEnvironment(Environment.GetEnvironmentVariable);

    /// <param name="variable">Returns a variable's value; null or empty when it is not set.</param>
    /// <exception cref="ModelException">A variable has an invalid value.</exception>
    public static HubOptions FromEnvironment(Func<string, string?> variable)
    {
        var endpoint = (Set("HF_ENDPOINT") ?? DefaultEndpoint).TrimEnd('/');
        if (!Uri.TryCreate(endpoint, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
            throw new ModelException(
                ModelFailure.BadConfiguration,
                $"HF_ENDPOINT is {PrintableName.Of(endpoint)}. Give an http or https URL, e.g. {DefaultEndpoint}."
            );
        var seconds = 10.0;
        if (
            Set("HF_HUB_DOWNLOAD_TIMEOUT") is { } given
            && (!double.TryParse(given, CultureInfo.InvariantCulture, out seconds) || seconds is not (> 0 and <= 86_400))
        )
            throw new ModelException(
                ModelFailure.BadConfiguration,
                $"HF_HUB_DOWNLOAD_TIMEOUT is {PrintableName.Of(given)}. Give a number of seconds above 0, at most 86400."
            );

        if (Set("HF_TOKEN") is { } token && token.AsSpan().IndexOfAnyExceptInRange('!', '~') >= 0)
            throw new ModelException(ModelFailure.BadConfiguration, "HF_TOKEN contains characters that no token has. Copy it again.");

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

    /// <summary>Expands ~, which is literal in a variable that no shell set.</summary>
    private static string Expand(string path) =>
        path is "~" || path.StartsWith("~/", StringComparison.Ordinal) ? UserFolder + path[1..] : path;

    private static string UserFolder => Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);

    /// <summary>Describes the options without the token's value.</summary>
    public override string ToString() =>
        $"{Endpoint}, cache {CacheFolder}{(Offline ? ", offline" : "")}{(Token is null ? "" : ", with a token")}";
}
