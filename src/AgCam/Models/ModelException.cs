namespace AgCam.Models;

/// <summary>
/// The operator's model or configuration cannot be used: the file is damaged, the architecture is not covered, an option is missing.
/// The message names the thing, the reason and the next step.
/// </summary>
/// <param name="reason">A stable code, kebab-case: one of <see cref="ModelFailure"/>.</param>
/// <param name="detail">What is wrong and what to do, for a person.</param>
public sealed class ModelException(string reason, string detail, Exception? inner = null) : Exception(detail, inner)
{
    public string Reason { get; } = reason;
}

/// <summary>Why a model cannot be used. The codes are stored and scripted against: never rename one.</summary>
public static class ModelFailure
{
    public const string NotFound = "model-not-found";
    public const string Unreadable = "model-unreadable";

    /// <summary>A file breaks the rules of its own format.</summary>
    public const string Corrupt = "model-corrupt";

    /// <summary>Stored number type that is no weight (an integer, an 8-bit float).</summary>
    public const string UnsupportedType = "unsupported-dtype";

    /// <summary>A single tensor of 2 GiB or more.</summary>
    public const string TensorTooLarge = "tensor-too-large";

    /// <summary>config.json is missing something or contradicts itself.</summary>
    public const string BadConfiguration = "bad-configuration";

    public const string UnknownArchitecture = "unknown-architecture";

    /// <summary>A known architecture that the method does not cover, e.g. average pooling.</summary>
    public const string UnsupportedArchitecture = "unsupported-architecture";

    public const string NoClassifier = "no-classifier-head";

    /// <summary>Missing, unexpected or misshapen keys.</summary>
    public const string KeysDoNotMatch = "keys-do-not-match";

    public const string NoPreprocessing = "no-preprocessing";
    public const string UnsupportedPreprocessing = "unsupported-preprocessing";

    /// <summary>The weights are a pickle: it must be imported first.</summary>
    public const string PickleNotImported = "pickle-not-imported";

    /// <summary>
    /// 401: no token, or one that the Hub does not know; also for a model that does not exist, which the Hub does not tell apart.
    /// </summary>
    public const string HubUnauthorized = "hub-unauthorized";

    /// <summary>403: the account may not read the model, e.g. its conditions are not accepted.</summary>
    public const string HubForbidden = "hub-forbidden";

    public const string HubNotFound = "hub-not-found";

    /// <summary>No connection, or one that kept breaking, or a server in trouble.</summary>
    public const string HubUnreachable = "hub-unreachable";

    /// <summary>HF_HUB_OFFLINE is set, and the model is not in the cache.</summary>
    public const string HubOffline = "hub-offline";

    /// <summary>The answer is not what the Hub's protocol says, or the bytes are not those that were promised.</summary>
    public const string HubBadAnswer = "hub-bad-answer";

    public const string CacheUnwritable = "cache-unwritable";
}
