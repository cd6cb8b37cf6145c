using Microsoft.AspNetCore.Http.Extensions;

namespace AgCam.Api;

internal static class Links
{
    /// <summary>Sets the Link header with the address of the next page (RFC 8288).</summary>
    public static void Next(HttpContext http, string? cursor)
    {
        if (cursor is null)
            return;
        var query = new QueryBuilder(http.Request.Query.Where(item => item.Key != "cursor")) { { "cursor", cursor } };
        http.Response.Headers.Link = $"<{http.Request.Path}{query}>; rel=\"next\"";
    }
}
