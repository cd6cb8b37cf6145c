using System.Security.Cryptography;
using System.Text;

namespace AgCam.Api.Security;

/// <summary>Holds the configured keys, ready for comparison.</summary>
internal sealed class ApiKeys
{
    private readonly (byte[] Digest, ApiKey Key)[] _keys;

    /// <exception cref="ApiConfigurationException">A key has no name, no digest, or a scope that does not exist.</exception>
    public ApiKeys(IReadOnlyList<ApiKey> keys) => _keys = [.. keys.Select(Check)];

    /// <summary>Whether any key is configured. Without keys only this machine may call.</summary>
    public bool AreConfigured => _keys.Length > 0;

    /// <summary>Compares with every key in constant time, so that the duration reveals nothing.</summary>
    /// <returns>Null when no key matches.</returns>
    public ApiKey? Find(string presented)
    {
        Span<byte> digest = stackalloc byte[Digest.Size];
        SHA256.HashData(Encoding.UTF8.GetBytes(presented), digest);
        ApiKey? found = null;
        foreach (var (known, key) in _keys)
            if (CryptographicOperations.FixedTimeEquals(known, digest))
                found = key;
        return found;
    }

    private static (byte[], ApiKey) Check(ApiKey key, int index)
    {
        if (string.IsNullOrWhiteSpace(key.Name))
            throw new ApiConfigurationException($"Api:Keys:{index} has no Name. Give it the name of its holder.");
        if (!Digest.TryParse(key.Sha256, out var digest))
            throw new ApiConfigurationException(
                $"Api:Keys:{index} ({key.Name}): Sha256 is not 64 hexadecimal digits. Draw a key with `agcam api --new-key NAME`."
            );
        if (key.Scopes.Count == 0 || !key.Scopes.All(Scope.All.Contains))
            throw new ApiConfigurationException($"Api:Keys:{index} ({key.Name}): Scopes must be some of {string.Join(", ", Scope.All)}.");
        return (digest.ToArray(), key);
    }
}

/// <summary>The API configuration is not valid. The message names the setting and the next step.</summary>
public sealed class ApiConfigurationException(string message) : Exception(message);
