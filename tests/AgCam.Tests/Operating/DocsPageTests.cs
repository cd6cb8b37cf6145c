using System.Text.RegularExpressions;
using AgCam.Tests.Cli;
using AgCam.Tests.Evaluation;
using AgCam.Tests.Models;
using Xunit;

namespace AgCam.Tests.Operating;

/// <summary>The reference of the API as a browser shows it.</summary>
public sealed class DocsPageTests
{
    public static bool ABrowserIsThere => Chromium.Program is not null;

    [Fact(SkipUnless = nameof(ABrowserIsThere), Skip = "chromium is not installed: apt-get install chromium")]
    public void The_page_asks_no_other_host_and_offers_nothing_of_its_makers()
    {
        using var folder = SomeImages.Folder(1);
        using var state = new TemporaryFolder();
        using var serving = ServingProcess.Start(state["agcam.db"], folder.Path);
        var (dom, said, asked) = Chromium.Visit(new Uri(serving.Url, "/docs/"), state["profile"]);

        Assert.Contains("Explain an image", dom, StringComparison.Ordinal); // it was drawn
        Assert.Contains(asked, address => address.AbsolutePath == "/openapi/v1.json");
        Assert.All(asked, address => Assert.Equal(serving.Url.Authority, address.Authority));
        Assert.DoesNotContain("Content Security Policy", said, StringComparison.Ordinal); // nothing was tried that it forbids
        var text = Regex.Replace(Regex.Replace(dom, "<(script|style)[^>]*>.*?</\\1>", "", RegexOptions.Singleline), "<[^>]+>", "\n");
        foreach (var extra in new[] { "Ask AI", "Share", "Generate SDK", "Deploy", "Developer Tools", "Auth Required", "Open API Client" })
            Assert.DoesNotMatch($@"(?i)^\s*{extra}", text);
        Assert.DoesNotMatch("(?im)^ *(Ask AI|Share|Generate SDK|Deploy|Developer Tools|Auth Required|Open API Client)", text);
        var sidebar = Regex.Match(dom, "<aside.*?</aside>|<nav.*?</nav>", RegexOptions.Singleline).Value;
        Assert.Single(Regex.Matches(Regex.Replace(sidebar, "<[^>]+>", "\n"), @"(?m)^\s*Models\s*$"));
    }
}
