using System.Security.Cryptography;
using Scalar.AspNetCore;

namespace AgCam.Api;

/// <summary>Serves /docs: the API reference, drawn by the browser from /openapi/v1.json. The page loads nothing from other hosts.</summary>
internal static class DocsPage
{
    public static void MapDocsPage(this WebApplication app) => app.MapScalarApiReference("/docs", Configure).AllowAnonymous();

    private static void Configure(ScalarOptions page, HttpContext http)
    {
        var nonce = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        page.WithTitle("AgCam API")
            .WithNonce(nonce)
            .DisableDefaultFonts()
            .HideModels() // the schemas: a second entry "Models" beside the models of the API
            .DisableAgent()
            .DisableMcp();
        page.Telemetry = false;
        page.ShowDeveloperTools = DeveloperToolsVisibility.Never;
        page.HideClientButton = true; // it opens a site of the page's maker
        http.Response.Headers.ContentSecurityPolicy = Policy(nonce);
        http.Response.Headers.XContentTypeOptions = "nosniff";
        http.Response.Headers["Referrer-Policy"] = "no-referrer";
    }

    /// <summary>Builds the policy. The page's scripts set styles on its elements, so styles cannot have a nonce.</summary>
    private static string Policy(string nonce) =>
        string.Join(
            "; ",
            "default-src 'none'",
            $"script-src 'nonce-{nonce}' 'self'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'"
        );
}
