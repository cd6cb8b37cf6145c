using AgCam.Api.Security;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace AgCam.Api.Tests.Resources;

public sealed class HealthTests
{
    [Fact]
    public async Task Store_outage_makes_the_API_unready_but_live()
    {
        await using var api = await RunningApi.StartAsync(worker: false);
        Assert.Equal("ok", (string?)(await api.GetAsync("/health/ready"))["store"]);
        await api.Store.DisposeAsync();
        var ready = await RunningApi.JsonAsync(await api.Client.GetAsync("/health/ready"), 503);
        Assert.Equal(("unavailable", "ok"), ((string?)ready["store"], (string?)ready["bus"]));
        Assert.Equal("ok", (string?)(await api.GetAsync("/health/live"))["status"]);
    }

    public static bool HasBroker => Environment.GetEnvironmentVariable("AGCAM_TEST_RABBITMQ") is { Length: > 0 };

    [Trait("RabbitMQ", "wire")]
    [Fact(SkipUnless = nameof(HasBroker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    public async Task Broker_outage_makes_the_API_unready_but_live_until_the_broker_returns()
    {
        await using var proxy = new BrokerProxy(Environment.GetEnvironmentVariable("AGCAM_TEST_RABBITMQ")!);
        await using var api = await RunningApi.StartAsync(worker: false, bus: proxy.Uri);
        await BecomesAsync(api, 200, "ok");
        proxy.Cut();
        await BecomesAsync(api, 503, "unavailable");
        Assert.Equal("ok", (string?)(await api.GetAsync("/health/live"))["status"]);
        proxy.Mend();
        await BecomesAsync(api, 200, "ok");
    }

    private static async Task BecomesAsync(RunningApi api, int status, string bus)
    {
        for (var until = DateTime.UtcNow.AddSeconds(120); ; await Task.Delay(200))
        {
            var answer = await api.Client.GetAsync("/health/ready");
            if ((int)answer.StatusCode != status && DateTime.UtcNow < until)
                continue;
            Assert.Equal(
                ("ok", bus),
                (
                    (string?)(await RunningApi.JsonAsync(answer, status))["store"],
                    (string?)System.Text.Json.Nodes.JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["bus"]
                )
            );
            return;
        }
    }

    [Fact]
    public async Task OpenApi_document_lists_every_route_with_its_scope()
    {
        var options = new ApiOptions { Keys = [ApiKey.Create("reader", Scope.Read).Entry] };
        await using var api = await RunningApi.StartAsync(options, worker: false);
        var document = await api.GetAsync("/openapi/v1.json");
        var routes = api
            .App.Services.GetRequiredService<EndpointDataSource>()
            .Endpoints.OfType<RouteEndpoint>()
            .Select(endpoint => endpoint.RoutePattern.RawText!.TrimEnd('/'))
            .Where(route => route.StartsWith("/v1/"))
            .Distinct()
            .ToList();
        Assert.True(routes.Count > 15);
        foreach (var route in routes)
        {
            // The document has no constraints ({id:guid}) and no marks of whole paths ({**id}).
            var path = document["paths"]![System.Text.RegularExpressions.Regex.Replace(route, @":\w+(?=\})|(?<=\{)\*\*", "")];
            Assert.True(path is not null, $"{route} is not in the document");
            Assert.All(path.AsObject(), operation => Assert.NotEmpty(operation.Value!["security"]!.AsArray()));
            Assert.All(path.AsObject(), operation => Assert.NotEmpty((string)operation.Value!["summary"]!));
        }
        var items = document["paths"]!["/v1/items"]!["get"]!;
        Assert.Contains("correct", items["parameters"]!.AsArray().Select(parameter => (string?)parameter!["name"]));
        Assert.Contains("label errors come first", (string)items["description"]!);
    }

    [Fact]
    public async Task OpenApi_document_requires_no_key_when_none_is_configured()
    {
        await using var api = await RunningApi.StartAsync(worker: false);
        var document = await api.GetAsync("/openapi/v1.json");
        Assert.DoesNotContain("ecurity", document.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reference_page_runs_only_its_own_scripts_and_calls_only_its_own_host()
    {
        await using var api = await RunningApi.StartAsync(worker: false);
        var nonces = new List<string>();
        for (var i = 0; i < 2; i++)
        {
            using var answer = await api.Client.GetAsync("/docs/");
            var policy = answer
                .Headers.GetValues("Content-Security-Policy")
                .Single()
                .Split("; ")
                .ToDictionary(rule => rule.Split(' ')[0], rule => rule[rule.IndexOf(' ')..]);
            Assert.Equal((" 'none'", " 'self'", " 'self'"), (policy["default-src"], policy["connect-src"], policy["font-src"]));
            var scripts = System.Text.RegularExpressions.Regex.Match(policy["script-src"], "^ 'nonce-([0-9a-f]{32})' 'self'$");
            nonces.Add(scripts.Groups[1].Value);
            var page = await answer.Content.ReadAsStringAsync();
            Assert.Contains($"nonce=\"{nonces[^1]}\"", page, StringComparison.Ordinal);
            Assert.DoesNotContain("http", page, StringComparison.Ordinal); // no address of another host
        }
        Assert.NotEqual(nonces[0], nonces[1]);
    }
}
