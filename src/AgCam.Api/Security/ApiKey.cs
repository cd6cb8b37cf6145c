using System.Buffers.Text;
using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using System.Text;

namespace AgCam.Api.Security;

/// <summary>A configured API key. A plain digest is enough: the key has 256 random bits and cannot be guessed.</summary>
public sealed record ApiKey
{
    /// <summary>
    /// Name of the key's holder. It owns what the key creates, appears in the audit log and has its own rate limit. A replacement key
    /// keeps the name.
    /// </summary>
    [Required]
    public string Name { get; init; } = "";

    /// <summary>SHA-256 of the key's UTF-8 text, 64 hexadecimal digits.</summary>
    [Required]
    public string Sha256 { get; init; } = "";

    /// <summary>Scopes of the key: submit, read, admin.</summary>
    public IReadOnlyList<string> Scopes { get; init; } = [];

    /// <summary>Creates a key of 256 random bits: the text for its holder and the entry for the configuration.</summary>
    public static (string Key, ApiKey Entry) Create(string name, params IReadOnlyList<string> scopes)
    {
        var key = "agcam_" + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        return (
            key,
            new ApiKey
            {
                Name = name,
                Sha256 = Digest.Of(Encoding.UTF8.GetBytes(key)).ToString(),
                Scopes = scopes,
            }
        );
    }
}

/// <summary>Scopes of a key. submit changes what its own key created; admin includes the other scopes and changes everything.</summary>
public static class Scope
{
    public const string Submit = "submit";
    public const string Read = "read";
    public const string Admin = "admin";

    public static IReadOnlyList<string> All { get; } = [Submit, Read, Admin];
}
