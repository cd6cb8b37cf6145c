using System.Text.RegularExpressions;
using Xunit;

namespace AgCam.Cli.Tests.Operating;

/// <summary>Tests the API reference in a browser.</summary>
public sealed class DocsPageTests
{
    public static bool ABrowserIsThere => Chromium.Program is not null;

    [Fact(SkipUnless = nameof(ABrowserIsThere), Skip = "chromium is not installed: apt-get install chromium")]
    public void Page_requests_no_other_host_and_shows_no_vendor_links()
    {
        using var folder = SomeImages.Folder(1);
        using var state = new TemporaryFolder();
        using var serving = ServingProcess.Start(state["agcam.db"], folder.Path);
        var (dom, said, asked) = Chromium.Visit(new Uri(serving.Url, "/docs/"), state["profile"]);

        Assert.Contains("Explain an image", dom, StringComparison.Ordinal); // the page is rendered
        Assert.Contains(asked, address => address.AbsolutePath == "/openapi/v1.json");
        Assert.All(asked, address => Assert.Equal(serving.Url.Authority, address.Authority));
        Assert.DoesNotContain("Content Security Policy", said, StringComparison.Ordinal); // no violation
        var text = Regex.Replace(Regex.Replace(dom, "<(script|style)[^>]*>.*?</\\1>", "", RegexOptions.Singleline), "<[^>]+>", "\n");
        foreach (var extra in new[] { "Ask AI", "Share", "Generate SDK", "Deploy", "Developer Tools", "Auth Required", "Open API Client" })
            Assert.DoesNotMatch($@"(?i)^\s*{extra}", text);
        Assert.DoesNotMatch("(?im)^ *(Ask AI|Share|Generate SDK|Deploy|Developer Tools|Auth Required|Open API Client)", text);
        var sidebar = Regex.Match(dom, "<aside.*?</aside>|<nav.*?</nav>", RegexOptions.Singleline).Value;
        Assert.Single(Regex.Matches(Regex.Replace(sidebar, "<[^>]+>", "\n"), @"(?m)^\s*Models\s*$"));
    }

    [Fact(SkipUnless = nameof(ABrowserIsThere), Skip = "chromium is not installed: apt-get install chromium")]
    public void Index_page_is_drawn_without_a_request_for_anything_else()
    {
        using var folder = SomeImages.Folder(1);
        using var state = new TemporaryFolder();
        using var serving = ServingProcess.Start(state["agcam.db"], folder.Path);
        var (dom, said, asked) = Chromium.Visit(serving.Url, state["profile"]);

        Assert.Contains("<h1>AgCam</h1>", dom, StringComparison.Ordinal);
        Assert.DoesNotContain("Content Security Policy", said, StringComparison.Ordinal); // the style is applied
        Assert.DoesNotContain(asked, address => address.AbsolutePath is not ("/" or "/favicon.ico"));
    }
}
