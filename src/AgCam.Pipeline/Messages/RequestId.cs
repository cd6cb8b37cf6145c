using System.Security.Cryptography;
using System.Text;

namespace AgCam.Pipeline.Messages;

/// <summary>Derives a request's id from its idempotency key. The same key finds the same request without an index of keys.</summary>
public static class RequestId
{
    /// <summary>Returns the id of a key.</summary>
    /// <returns>A version 8 Guid (RFC 9562): the first 16 bytes of the SHA-256 of the key's UTF-8 text, with version and variant
    /// set.</returns>
    public static Guid Of(string key)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(key), hash);
        hash[6] = (byte)(hash[6] & 0x0F | 0x80);
        hash[8] = (byte)(hash[8] & 0x3F | 0x80);
        return new Guid(hash[..16], bigEndian: true);
    }
}
