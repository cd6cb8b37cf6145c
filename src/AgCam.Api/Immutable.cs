using Microsoft.Net.Http.Headers;

namespace AgCam.Api;

/// <summary>Caching of answers that never change. They are private: an API key may protect them.</summary>
internal static class Immutable
{
    /// <summary>Version of the rendering: raised when an explanation is written or drawn differently.</summary>
    private const int Version = 1;

    /// <summary>Sets ETag and Cache-Control.</summary>
    /// <returns>Whether the client has the answer already: answer 304.</returns>
    public static bool IsKnown(HttpContext http, Digest id, string form)
    {
        var tag = new EntityTagHeaderValue($"\"{id.ToString().AsSpan(0, 32)}-{form}-{Version}\"");
        http.Response.Headers.ETag = tag.ToString();
        http.Response.Headers.CacheControl = "private, max-age=31536000, immutable";
        return http
            .Request.GetTypedHeaders()
            .IfNoneMatch.Any(known => known.Compare(tag, useStrongComparison: false) || known.Equals(EntityTagHeaderValue.Any));
    }

    /// <summary>Removes the caching headers from an answer that became an error.</summary>
    public static void Forget(HttpContext http)
    {
        http.Response.Headers.Remove(HeaderNames.ETag);
        http.Response.Headers.CacheControl = "no-store";
    }
}
