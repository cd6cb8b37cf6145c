using System.Text;

namespace AgCam.Api.Security;

/// <summary>
/// The header Idempotency-Key as a key of the store: a digest, so that no header gives a key that the program or a producer on the broker
/// uses. Each API key has a space of its own: what one caller names "1" is not what another does, and nobody finds another's request by
/// guessing its name.
/// </summary>
internal static class IdempotencyKey
{
    public const int MaxLength = 200;

    /// <returns>Null when the caller gave none.</returns>
    /// <exception cref="InvalidRequestException">It is too long.</exception>
    public static string? Of(HttpContext http, ApiKeys keys)
    {
        var given = Given(http);
        if (given.Length == 0)
            return null;
        if (given.Length > MaxLength)
            throw new InvalidRequestException(
                $"The Idempotency-Key has {given.Length} characters; {MaxLength} are allowed.",
                "Take a shorter one, e.g. a UUID."
            );
        var caller = http.User.Identity!.Name!;
        return Digest.Of(Encoding.UTF8.GetBytes(keys.AreConfigured ? $"{caller.Length}:{caller}:{given}" : $":{given}")).ToString();
    }

    /// <summary>
    /// Returns the key of the job that tries another one's failures again. No header gives it: what is digested of a header begins with a
    /// length or a colon.
    /// </summary>
    public static string OfRetry(Guid job) => Digest.Of(Encoding.UTF8.GetBytes($"retry:{job}")).ToString();

    /// <summary>As the caller wrote it.</summary>
    public static string Given(HttpContext http) => http.Request.Headers["Idempotency-Key"].ToString();
}
