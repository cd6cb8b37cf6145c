using System.Text;

namespace AgCam.Api.Security;

/// <summary>
/// Converts the header Idempotency-Key to a key of the store. The digest cannot equal a key of the program or of a producer on the broker.
/// Each API key has its own key space.
/// </summary>
internal static class IdempotencyKey
{
    public const int MaxLength = 200;

    /// <returns>Null when the header is absent.</returns>
    /// <exception cref="InvalidRequestException">The key is too long.</exception>
    public static string? Of(HttpContext http, ApiKeys keys)
    {
        var given = Given(http);
        if (given.Length == 0)
            return null;
        if (given.Length > MaxLength)
            throw new InvalidRequestException(
                $"The Idempotency-Key has {given.Length} characters; {MaxLength} are allowed.",
                "Use a shorter one, e.g. a UUID."
            );
        var caller = http.User.Identity!.Name!;
        return Digest.Of(Encoding.UTF8.GetBytes(keys.AreConfigured ? $"{caller.Length}:{caller}:{given}" : $":{given}")).ToString();
    }

    /// <summary>
    /// Returns the key of the retry job. It equals no header's key: the digested text of a header begins with a length or a colon.
    /// </summary>
    public static string OfRetry(Guid job) => Digest.Of(Encoding.UTF8.GetBytes($"retry:{job}")).ToString();

    /// <summary>Returns the header as the caller wrote it.</summary>
    public static string Given(HttpContext http) => http.Request.Headers["Idempotency-Key"].ToString();
}
