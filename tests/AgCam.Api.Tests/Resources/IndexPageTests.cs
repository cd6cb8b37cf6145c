using System.Net;
using System.Text.RegularExpressions;
using AgCam.Api.Security;

namespace AgCam.Api.Tests.Resources;

public sealed class IndexPageTests
{
    private const string Browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

    private static Task<HttpResponseMessage> GetAsync(RunningApi api, string accept)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Headers.TryAddWithoutValidation("Accept", accept);
        return api.Client.SendAsync(request);
    }

    [Theory]
    [InlineData("*/*")]
    [InlineData("application/json")]
    [InlineData("no type")]
    public async Task Client_that_is_no_browser_gets_version_and_links_as_json(string accept)
    {
        await using var api = await RunningApi.StartAsync(worker: false);
        var answer = await GetAsync(api, accept);
        var index = await RunningApi.JsonAsync(answer, 200);
        Assert.Equal(("AgCam", Provenance.Software.Version), ((string?)index["name"], (string?)index["version"]));
        Assert.Equal("Accept", Assert.Single(answer.Headers.Vary));
        var links = index["links"]!.AsObject();
        foreach (var name in new[] { "docs", "openapi", "jobs", "models", "ready" })
            Assert.Contains(name, links.Select(link => link.Key));
        foreach (var (name, address) in links)
            Assert.True((await api.Client.GetAsync((string?)address)).IsSuccessStatusCode, name);
    }

    [Fact]
    public async Task Browser_gets_a_page_whose_links_answer()
    {
        await using var api = await RunningApi.StartAsync(worker: false);
        var answer = await GetAsync(api, Browser);
        var page = await answer.Content.ReadAsStringAsync();
        Assert.Equal((HttpStatusCode.OK, "text/html"), (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        Assert.Contains("default-src 'none'", answer.Headers.GetValues("Content-Security-Policy").Single());
        Assert.Contains($"Version {Provenance.Software.Version}", page);
        Assert.Contains($"{api.Client.BaseAddress}v1/explanations?wait=30", page);
        Assert.DoesNotContain("Bearer", page);
        var links = Regex.Matches(page, "<a href=\"([^\"]+)\"");
        Assert.True(links.Count >= 6, page);
        foreach (var address in links.Select(link => link.Groups[1].Value))
            Assert.True((await api.Client.GetAsync(address)).IsSuccessStatusCode, address);
    }

    [Fact]
    public async Task Page_is_public_and_names_the_key_that_the_rest_needs()
    {
        await using var api = await RunningApi.StartAsync(
            new ApiOptions { Keys = [ApiKey.Create("reader", Scope.Read).Entry] },
            worker: false
        );
        var page = await (await GetAsync(api, Browser)).Content.ReadAsStringAsync();
        Assert.Contains("Authorization: Bearer $KEY", WebUtility.HtmlDecode(page));
        Assert.DoesNotContain("reader", page);
        await RunningApi.JsonAsync(await GetAsync(api, "*/*"), 200);
        await RunningApi.RefusedAsync(await api.SendAsync(HttpMethod.Post, "/"), 401, "key-required");
    }

    [Fact]
    public async Task Host_header_cannot_put_markup_into_the_page()
    {
        await using var api = await RunningApi.StartAsync(
            new ApiOptions { Keys = [ApiKey.Create("reader", Scope.Read).Entry] },
            worker: false
        );
        var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Headers.TryAddWithoutValidation("Host", "a&b");
        request.Headers.TryAddWithoutValidation("Accept", Browser);
        var answer = await api.Client.SendAsync(request);
        Assert.DoesNotContain("a&b", await answer.Content.ReadAsStringAsync());
    }
}
