using System.Text;
using Microsoft.Net.Http.Headers;

namespace AgCam.Api;

/// <summary>Refuses bodies whose Content-Type names an unknown charset. The framework itself fails on one.</summary>
internal static class KnownCharsets
{
    public static void UseKnownCharsets(this IApplicationBuilder app) =>
        app.Use(
            static (http, next) =>
                MediaTypeHeaderValue.TryParse(http.Request.ContentType, out var type)
                && type.Charset.HasValue
                && !IsKnown(HeaderUtilities.RemoveQuotes(type.Charset).Value!)
                    ? Problem
                        .Of(
                            StatusCodes.Status415UnsupportedMediaType,
                            "unsupported-media-type",
                            $"The charset of the body, \"{type.Charset}\", is unknown.",
                            "Send it as UTF-8."
                        )
                        .ExecuteAsync(http)
                    : next(http)
        );

    private static bool IsKnown(string charset)
    {
        try
        {
            _ = Encoding.GetEncoding(charset);
            return true;
        }
        catch (Exception unknown) when (unknown is ArgumentException or NotSupportedException) // the latter of UTF-7
        {
            return false;
        }
    }
}
