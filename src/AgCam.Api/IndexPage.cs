using System.Net.Mime;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using AgCam.Api.Security;

namespace AgCam.Api;

/// <summary>Serves /: links and the version, as a page for browsers and as JSON for others. It is public: it shows no record.</summary>
internal static class IndexPage
{
    private static readonly IndexEntry[] Entries =
    [
        new("docs", "/docs", "Documentation", "every route, with its fields and examples"),
        new("openapi", "/openapi/v1.json", "OpenAPI", "the same for generators of clients"),
        new("jobs", "/v1/jobs", "Jobs", "newest first"),
        new("items", "/v1/items", "Items", "the results of all images, newest first"),
        new("models", "/v1/models", "Models", "the models that a request may name"),
        new("ready", "/health/ready", "Readiness", "whether store and broker answer"),
        new("live", "/health/live", "Liveness", "whether the process answers"),
    ];

    private const string Style = """
        :root { color-scheme: light dark; --ink: #111; --quiet: #555; --paper: #fff; --rule: #ccc; --link: #0050b0; --code: #f3f4f6; }
        @media (prefers-color-scheme: dark) {
          :root { --ink: #e8e8e8; --quiet: #a8a8a8; --paper: #15171a; --rule: #3c4046; --link: #6db3ff; --code: #22262b; }
        }
        * { box-sizing: border-box; }
        body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
        body { max-width: 44rem; margin: 3rem auto; padding: 0 1rem; overflow-wrap: break-word; }
        h1 { font-size: 1.6rem; line-height: 1.25; margin: 0; }
        h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
        a { color: var(--link); }
        dl { margin: 0; }
        dl div { display: grid; grid-template-columns: 9rem minmax(0, 1fr); gap: 0 1rem; padding: .45rem 0; }
        dl div { border-top: 1px solid var(--rule); }
        dd { margin: 0; }
        .quiet, dd { color: var(--quiet); }
        pre { font-size: .875rem; background: var(--code); padding: .7rem .9rem; border-radius: .25rem; }
        pre { white-space: pre-wrap; overflow-wrap: anywhere; }
        @media (max-width: 32rem) {
          body { margin: 1.5rem auto; }
          dl div { grid-template-columns: minmax(0, 1fr); }
        }
        """;

    /// <summary>The style's hash admits it; nothing else is loaded, run or sent.</summary>
    private static readonly string Policy = string.Join(
        "; ",
        "default-src 'none'",
        $"style-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Style)))}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'"
    );

    public static void MapIndexPage(this WebApplication app) =>
        app.MapGet("/", (HttpContext http, ApiKeys keys) => Answer(http, keys.AreConfigured)).AllowAnonymous().ExcludeFromDescription();

    private static IResult Answer(HttpContext http, bool needsKey)
    {
        http.Response.Headers.Vary = "Accept";
        http.Response.Headers.XContentTypeOptions = "nosniff";
        if (!IsBrowser(http.Request))
            return TypedResults.Ok(
                new IndexView("AgCam", Provenance.Software.Version, Entries.ToDictionary(entry => entry.Name, entry => entry.Path))
            );
        http.Response.Headers.ContentSecurityPolicy = Policy;
        http.Response.Headers["Referrer-Policy"] = "no-referrer";
        return TypedResults.Content(
            Page($"{http.Request.Scheme}://{http.Request.Host}", needsKey),
            MediaTypeNames.Text.Html,
            Encoding.UTF8
        );
    }

    /// <summary>Browsers name text/html; other clients accept JSON or anything.</summary>
    private static bool IsBrowser(HttpRequest request) =>
        request.GetTypedHeaders().Accept.Any(type => type.MediaType.Equals(MediaTypeNames.Text.Html, StringComparison.OrdinalIgnoreCase));

    private static string Page(string origin, bool needsKey)
    {
        var version = HtmlEncoder.Default.Encode(Provenance.Software.Version);
        var links = Entries.Select(entry => $"""<div><dt><a href="{entry.Path}">{entry.Title}</a></dt><dd>{entry.Text}</dd></div>""");
        var key = needsKey ? """ -H "Authorization: Bearer $KEY" """ : " ";
        var note = needsKey ? "<p class=\"quiet\">Addresses below /v1 need an API key, which a browser does not send.</p>" : "";
        var explain = $"""curl -f{key}-F image=@cat.jpg "{origin}/v1/explanations?wait=30" """.TrimEnd();
        return $"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>AgCam</title>
            <link rel="icon" href="data:,">
            <style>{Style}</style>
            </head>
            <body>
            <h1>AgCam</h1>
            <p>Explains what a Vision Transformer saw in an image. <span class="quiet">Version {version}</span></p>
            <dl>
            {string.Join('\n', links)}
            </dl>
            {note}
            <h2>Explain an image</h2>
            <pre><code>{HtmlEncoder.Default.Encode(explain)}</code></pre>
            </body>
            </html>

            """;
    }

    private sealed record IndexEntry(string Name, string Path, string Title, string Text);

    private sealed record IndexView(string Name, string Version, IReadOnlyDictionary<string, string> Links);
}
