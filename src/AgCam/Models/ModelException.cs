namespace AgCam.Models;

/// <summary>
/// Reports that the operator's model or configuration cannot be used: a damaged file, an unsupported architecture, a missing option.
/// </summary>
/// <param name="reason">Stable code in kebab-case, one of <see cref="ModelFailure"/>.</param>
/// <param name="detail">Message for the user: the thing, the reason and the next step.</param>
public sealed class ModelException(string reason, string detail, Exception? inner = null) : Exception(detail, inner)
{
    public string Reason { get; } = reason;
}

/// <summary>Codes of the reasons why a model cannot be used. They are stored and used in scripts: never rename one.</summary>
public static class ModelFailure
{
    public const string NotFound = "model-not-found";
    public const string Unreadable = "model-unreadable";

    /// <summary>A file violates its format.</summary>
    public const string Corrupt = "model-corrupt";

    /// <summary>Weights have an unsupported number type (an integer, an 8-bit float).</summary>
    public const string UnsupportedType = "unsupported-dtype";

    /// <summary>A single tensor of 2 GiB or more.</summary>
    public const string TensorTooLarge = "tensor-too-large";

    /// <summary>config.json is incomplete or contradicts itself.</summary>
    public const string BadConfiguration = "bad-configuration";

    public const string UnknownArchitecture = "unknown-architecture";

    /// <summary>The architecture is known but not supported, e.g. average pooling.</summary>
    public const string UnsupportedArchitecture = "unsupported-architecture";

    public const string NoClassifier = "no-classifier-head";

    /// <summary>Weights are missing, unexpected or have a wrong shape.</summary>
    public const string KeysDoNotMatch = "keys-do-not-match";

    public const string NoPreprocessing = "no-preprocessing";
    public const string UnsupportedPreprocessing = "unsupported-preprocessing";

    /// <summary>The weights are a pickle, which must be imported first.</summary>
    public const string PickleNotImported = "pickle-not-imported";

    /// <summary>401: the token is missing or invalid, or the model does not exist. The Hub does not distinguish them.</summary>
    public const string HubUnauthorized = "hub-unauthorized";

    /// <summary>403: the account may not read the model, e.g. it did not accept the conditions.</summary>
    public const string HubForbidden = "hub-forbidden";

    public const string HubNotFound = "hub-not-found";

    /// <summary>The connection failed repeatedly, or the server returned 429 or 5xx.</summary>
    public const string HubUnreachable = "hub-unreachable";

    /// <summary>HF_HUB_OFFLINE is set, and the model is not in the cache.</summary>
    public const string HubOffline = "hub-offline";

    /// <summary>The response violates the Hub's protocol, or a file does not match its hash.</summary>
    public const string HubBadAnswer = "hub-bad-answer";

    public const string CacheUnwritable = "cache-unwritable";
}
