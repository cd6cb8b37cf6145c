using Microsoft.Net.Http.Headers;

namespace AgCam.Api;

/// <summary>
/// Answers that can never change: a client that has one need not be sent it again. Private, because a key may stand before them.
/// </summary>
internal static class Immutable
{
    /// <summary>Raised when the same explanation is told or drawn differently.</summary>
    private const int Version = 1;

    /// <summary>Marks the answer.</summary>
    /// <returns>Whether the client has it already: answer 304.</returns>
    public static bool IsKnown(HttpContext http, Digest id, string form)
    {
        var tag = new EntityTagHeaderValue($"\"{id.ToString().AsSpan(0, 32)}-{form}-{Version}\"");
        http.Response.Headers.ETag = tag.ToString();
        http.Response.Headers.CacheControl = "private, max-age=31536000, immutable";
        return http
            .Request.GetTypedHeaders()
            .IfNoneMatch.Any(known => known.Compare(tag, useStrongComparison: false) || known.Equals(EntityTagHeaderValue.Any));
    }

    /// <summary>Takes the marks off an answer that turned out to be a refusal.</summary>
    public static void Forget(HttpContext http)
    {
        http.Response.Headers.Remove(HeaderNames.ETag);
        http.Response.Headers.CacheControl = "no-store";
    }
}
