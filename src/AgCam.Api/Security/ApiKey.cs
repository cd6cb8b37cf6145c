using System.Buffers.Text;
using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using System.Text;

namespace AgCam.Api.Security;

/// <summary>
/// One who may call. The key itself is known to its owner only; a digest is enough here, because it is drawn at random and cannot be
/// guessed.
/// </summary>
public sealed record ApiKey
{
    /// <summary>
    /// Whose it is: owns what is made with it, appears in the log with every change and has its own rate limit. A key that replaces another
    /// keeps its name.
    /// </summary>
    [Required]
    public string Name { get; init; } = "";

    /// <summary>SHA-256 of the key's UTF-8 text, 64 hexadecimal digits.</summary>
    [Required]
    public string Sha256 { get; init; } = "";

    /// <summary>Of <see cref="Scope.All"/>.</summary>
    public IReadOnlyList<string> Scopes { get; init; } = [];

    /// <summary>Draws a key of 256 random bits: the text for its owner, and the entry for the configuration.</summary>
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

/// <summary>What a key may be used for. Submit changes what its own key made; admin includes the others and changes everything.</summary>
public static class Scope
{
    public const string Submit = "submit";
    public const string Read = "read";
    public const string Admin = "admin";

    public static IReadOnlyList<string> All { get; } = [Submit, Read, Admin];
}
