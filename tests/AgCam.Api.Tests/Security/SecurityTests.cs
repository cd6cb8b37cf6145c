using System.Net;
using System.Net.Sockets;
using AgCam.Api.Security;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace AgCam.Api.Tests.Security;

public sealed class SecurityTests
{
    private sealed class MovedClock : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        public void Advance(TimeSpan by) => _ticks += by.Ticks;
    }

    private static readonly (string Key, ApiKey Entry) Reader = ApiKey.Create("reader", Scope.Read);
    private static readonly (string Key, ApiKey Entry) Sender = ApiKey.Create("sender", Scope.Submit);
    private static readonly (string Key, ApiKey Entry) Admin = ApiKey.Create("admin", Scope.Admin);

    private static ApiOptions WithKeys => new() { Keys = [Reader.Entry, Sender.Entry, Admin.Entry] };

    [Fact]
    public async Task Every_route_requires_a_scope_or_is_declared_open()
    {
        await using var api = await RunningApi.StartAsync(WithKeys, worker: false);
        var endpoints = api.App.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>().ToList();
        Assert.True(endpoints.Count > 25, $"{endpoints.Count} endpoints");
        foreach (var endpoint in endpoints)
        {
            var (name, open) = (endpoint.RoutePattern.RawText!, endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null);
            if (open)
                Assert.Matches("^/(health|openapi|docs|$)", name);
            else
                Assert.Contains(endpoint.Metadata.GetOrderedMetadata<IAuthorizeData>(), data => Scope.All.Contains(data.Policy));
        }
    }

    [Fact]
    public async Task Every_route_refuses_a_key_without_its_scope()
    {
        await using var api = await RunningApi.StartAsync(WithKeys, worker: false);
        foreach (var endpoint in api.App.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>())
        {
            if (endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null)
                continue;
            var scope = endpoint.Metadata.GetMetadata<IAuthorizeData>()!.Policy!;
            var path = System
                .Text.RegularExpressions.Regex.Replace(endpoint.RoutePattern.RawText!, @"\{[^}]*guid\}", Guid.Empty.ToString())
                .Replace("{number:int}", "0")
                .Replace("{id}", new string('0', 64));
            foreach (var method in endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods.Select(name => new HttpMethod(name)))
            {
                HttpContent? Body() =>
                    method == HttpMethod.Post && (path.EndsWith("/jobs") || path.EndsWith("/explanations"))
                        ? new StringContent("{}", null, "application/json")
                        : null;
                await RunningApi.RefusedAsync(await api.SendAsync(method, path, Body()), 401, "key-required");
                var without = scope == Scope.Read ? Sender.Key : Reader.Key;
                await RunningApi.RefusedAsync(await api.SendAsync(method, path, Body(), apiKey: without), 403, "scope-missing");
                var admin = await api.SendAsync(method, path, Body(), apiKey: Admin.Key);
                Assert.False(
                    admin.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden,
                    $"{method} {path}: {admin.StatusCode}"
                );
            }
        }
    }

    [Fact]
    public async Task Route_without_a_scope_refuses_every_key()
    {
        await using var api = await RunningApi.StartAsync(WithKeys, worker: false, map: app => app.MapGet("/v1/forgotten", () => "secret"));
        await RunningApi.RefusedAsync(await api.SendAsync(HttpMethod.Get, "/v1/forgotten"), 401, "key-required");
        await RunningApi.RefusedAsync(await api.SendAsync(HttpMethod.Get, "/v1/forgotten", apiKey: Admin.Key), 403, "scope-missing");
    }

    [Fact]
    public async Task Wrong_key_is_refused_and_learns_nothing_about_unknown_routes()
    {
        await using var api = await RunningApi.StartAsync(WithKeys, worker: false);
        var answer = await api.SendAsync(HttpMethod.Get, "/v1/items", apiKey: Reader.Key[..^1] + "x");
        await RunningApi.RefusedAsync(answer, 401, "key-required");
        Assert.Equal("Bearer", answer.Headers.WwwAuthenticate.Single().Scheme);
        await RunningApi.RefusedAsync(await api.SendAsync(HttpMethod.Get, "/v1/nothing"), 401, "key-required");
        await RunningApi.RefusedAsync(await api.SendAsync(HttpMethod.Get, "/v1/nothing", apiKey: Reader.Key), 404, "not-found");
        await RunningApi.RefusedAsync(await api.SendAsync(HttpMethod.Put, "/v1/items", apiKey: Reader.Key), 405, "method-not-allowed");
        await RunningApi.JsonAsync(await api.SendAsync(HttpMethod.Get, "/v1/items", apiKey: Reader.Key), 200);
        await RunningApi.JsonAsync(await api.SendAsync(HttpMethod.Get, "/health/live"), 200);
    }

    [Fact]
    public async Task Without_keys_other_host_names_and_origins_are_refused()
    {
        await using var api = await RunningApi.StartAsync(worker: false);
        async Task<HttpResponseMessage> SendAsync(string header, string value)
        {
            var request = new HttpRequestMessage(HttpMethod.Get, "/v1/items");
            request.Headers.TryAddWithoutValidation(header, value);
            return await api.Client.SendAsync(request);
        }

        await RunningApi.JsonAsync(await api.Client.GetAsync("/v1/items"), 200);
        await RunningApi.JsonAsync(await SendAsync("Host", $"localhost:{api.Client.BaseAddress!.Port}"), 200);
        await RunningApi.JsonAsync(await SendAsync("Origin", $"http://127.0.0.1:{api.Client.BaseAddress!.Port}"), 200);
        await RunningApi.RefusedAsync(await SendAsync("Host", "rebound.example"), 403, "loopback-only");
        await RunningApi.RefusedAsync(await SendAsync("Origin", "https://evil.example"), 403, "loopback-only");
        await RunningApi.RefusedAsync(await SendAsync("Origin", "null"), 403, "loopback-only");
        await RunningApi.RefusedAsync(await SendAsync("Sec-Fetch-Site", "cross-site"), 403, "loopback-only");
    }

    [Theory]
    [InlineData("http://0.0.0.0:8080")]
    [InlineData("http://192.168.1.4:8080")]
    [InlineData("http://*:8080")]
    [InlineData("http://agcam.example:8080")]
    [InlineData("http://127.0.0.1:8080;http://[::]:8080")]
    public void Without_keys_the_API_listens_on_loopback_only(string listen) =>
        Assert.Contains("without API keys", Assert.Throws<ApiConfigurationException>(() => LoopbackOnly.Check(listen)).Message);

    [Theory]
    [InlineData("http://127.0.0.1:8080")]
    [InlineData("http://localhost:8080;http://[::1]:8080")]
    public void Loopback_has_several_names(string listen) => LoopbackOnly.Check(listen);

    [Fact]
    public void Keys_are_validated_at_start()
    {
        Assert.Throws<ApiConfigurationException>(() => new ApiKeys([Reader.Entry with { Sha256 = Reader.Key }]));
        Assert.Throws<ApiConfigurationException>(() => new ApiKeys([Reader.Entry with { Name = " " }]));
        Assert.Throws<ApiConfigurationException>(() => new ApiKeys([Reader.Entry with { Scopes = ["root"] }]));
        Assert.Throws<ApiConfigurationException>(() => new ApiKeys([Reader.Entry with { Scopes = [] }]));
        Assert.Equal("reader", new ApiKeys([Sender.Entry, Reader.Entry]).Find(Reader.Key)?.Name);
        Assert.Null(new ApiKeys([Sender.Entry, Reader.Entry]).Find(Reader.Entry.Sha256));
        Assert.True(Reader.Key.Length >= 6 + 43); // 256 bits as base64url
    }

    [Fact]
    public async Task Each_key_has_its_own_rate_limit_in_images()
    {
        await using var api = await RunningApi.StartAsync(WithKeys with { ImagesPerMinute = 2 }, worker: false);
        Task<HttpResponseMessage> SendAsync(int number, string key) =>
            api.SendAsync(HttpMethod.Post, "/v1/uploads", new ByteArrayContent(RunningApi.Picture(number)), apiKey: key);

        await RunningApi.JsonAsync(await SendAsync(1, Sender.Key), 201);
        await RunningApi.JsonAsync(await SendAsync(2, Sender.Key), 201);
        var refused = await SendAsync(3, Sender.Key);
        await RunningApi.RefusedAsync(refused, 429, "rate-limited");
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
        await RunningApi.JsonAsync(await SendAsync(3, Admin.Key), 201);
    }

    [Fact]
    public async Task Job_counts_against_the_rate_with_the_number_of_its_images()
    {
        await using var api = await RunningApi.StartAsync(WithKeys with { ImagesPerMinute = 10 }, worker: false, clock: new MovedClock());
        for (var i = 0; i < 8; i++)
            api.AddPicture(i);
        Task<HttpResponseMessage> SubmitAsync(string name) =>
            api.SendAsync(
                HttpMethod.Post,
                "/v1/jobs",
                new StringContent($$"""{"source": "folder:{{api.Folder}}"}""", null, "application/json"),
                name,
                apiKey: Sender.Key
            );

        await RunningApi.JsonAsync(await SubmitAsync("one"), 201); // 8 of 10
        await RunningApi.JsonAsync(await SubmitAsync("two"), 201); // the bucket was not empty: 6 images on credit
        var refused = await SubmitAsync("three");
        await RunningApi.RefusedAsync(refused, 429, "rate-limited");
        Assert.Equal(42, refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds);
        await RunningApi.JsonAsync(await SubmitAsync("two"), 200); // not a new request
        await RunningApi.RefusedAsync(
            await api.SendAsync(HttpMethod.Post, "/v1/uploads", new ByteArrayContent(RunningApi.Picture(1)), apiKey: Sender.Key),
            429,
            "rate-limited"
        );
    }

    [Fact]
    public void Rate_refills_evenly_and_owes_at_most_one_minute()
    {
        var clock = new MovedClock();
        var rate = new ImageRate(60, clock);
        Assert.Null(rate.Take("a", 1_000_000));
        Assert.Equal(1, rate.Take("a")!.Value.TotalSeconds, 3); // the bucket was full, so nothing is owed
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(rate.Take("a", 1_000_000));
        Assert.Equal(60, rate.Take("a")!.Value.TotalSeconds, 3);
        Assert.Null(rate.Take("b"));
        clock.Advance(TimeSpan.FromHours(1));
        for (var i = 0; i < 60; i++)
            Assert.Null(rate.Take("a"));
        Assert.NotNull(rate.Take("a"));
    }

    [Fact]
    public async Task Same_idempotency_key_of_two_callers_is_two_requests()
    {
        var other = ApiKey.Create("other", Scope.Submit);
        await using var api = await RunningApi.StartAsync(WithKeys with { Keys = [Sender.Entry, other.Entry] }, worker: false);
        api.AddPicture(1);
        var body = $$"""{"source": "folder:{{api.Folder}}"}""";
        Task<HttpResponseMessage> SubmitAsync(string json, string apiKey) =>
            api.SendAsync(HttpMethod.Post, "/v1/jobs", new StringContent(json, null, "application/json"), "mine", apiKey);
        var item = await RunningApi.JsonAsync(await SubmitAsync(body, Sender.Key), 201);
        var two = await RunningApi.JsonAsync(await SubmitAsync(body, other.Key), 201);
        Assert.NotEqual((string?)item["id"], (string?)two["id"]);
        Assert.Equal((string?)item["id"], (string?)(await RunningApi.JsonAsync(await SubmitAsync(body, Sender.Key), 200))["id"]);
        await RunningApi.RefusedAsync(await SubmitAsync(body[..^1] + ", \"threshold\": 0.7}", other.Key), 409, "key-used");

        Task<HttpResponseMessage> ExplainAsync(string apiKey) =>
            api.SendAsync(
                HttpMethod.Post,
                "/v1/explanations",
                new StringContent($$"""{"uri": "{{api.Folder}}/1.png"}""", null, "application/json"),
                "one",
                apiKey
            );
        Assert.NotEqual(
            (string?)(await RunningApi.JsonAsync(await ExplainAsync(Sender.Key), 202))["id"],
            (string?)(await RunningApi.JsonAsync(await ExplainAsync(other.Key), 202))["id"]
        );
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("17")]
    [InlineData("{")]
    [InlineData("{\"uri\": 7, \"source\": 7}")]
    [InlineData("{\"uri\": \"/a\", \"source\": \"folder:/a\", \"threshold\": \"NaN\"}")]
    [InlineData("{\"uri\": \"/a\", \"source\": \"folder:/a\", \"threshold\": 1e999}")]
    [InlineData("{\"uri\": \"/a\\u0000b\", \"source\": \"folder:/a\\u0000b\"}")]
    [InlineData("{\"uri\": \"\\ud800\", \"source\": \"folder:\\ud800\"}")]
    [InlineData("{\"uri\": \"/a\", \"source\": \"folder:/a\", \"targets\": [null]}")]
    [InlineData("{\"uri\": \"/a\", \"source\": \"folder:/a\", \"targets\": {\"0\": \"predicted\"}}")]
    [InlineData("{\"uri\": \"/a\", \"source\": \"folder:/a\", \"tags\": [null], \"metadata\": {\"a\": null}}")]
    [InlineData("{\"uri\": \"/a\", \"source\": \"folder:/a\", \"owner\": \"me\"}")]
    [InlineData("{\"uri\": \"/a\", \"source\": \"folder:/a\"} {}")]
    public async Task Malformed_json_is_a_400_with_the_reason(string json)
    {
        await using var api = await RunningApi.StartAsync(worker: false);
        var deep = json == "[]" ? new string('[', 5000) : json;
        foreach (var path in new[] { "/v1/explanations", "/v1/jobs" })
        {
            var answer = await api.SendAsync(HttpMethod.Post, path, new StringContent(deep, null, "application/json"));
            var problem = await RunningApi.JsonAsync(answer, 400);
            Assert.NotEmpty((string)problem["detail"]!);
            Assert.NotEmpty((string)problem["next"]!);
        }
        Assert.Empty((await api.GetAsync("/v1/jobs"))["items"]!.AsArray());
    }

    [Fact]
    public async Task Request_beyond_the_backlog_limit_is_refused()
    {
        await using var api = await RunningApi.StartAsync(new ApiOptions { MaxPending = 2 }, worker: false);
        await RunningApi.JsonAsync(await api.SendImageAsync(RunningApi.Picture(1), "", key: "one"), 202);
        await RunningApi.JsonAsync(await api.SendImageAsync(RunningApi.Picture(2), ""), 202);
        var refused = await api.SendImageAsync(RunningApi.Picture(3), "");
        await RunningApi.RefusedAsync(refused, 429, "busy");
        Assert.NotNull(refused.Headers.RetryAfter);
        await RunningApi.JsonAsync(await api.SendImageAsync(RunningApi.Picture(1), "", key: "one"), 202); // not a new request
    }

    [Fact]
    public async Task Uploads_have_a_limit_in_bytes_and_one_in_pixels()
    {
        await using var api = await RunningApi.StartAsync(
            new ApiOptions { MaxUploadBytes = 100_000, MaxUploadPixels = 50_000 },
            worker: false
        );
        var noise = new byte[300_000];
        new Random(1).NextBytes(noise);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await api.SendImageAsync(noise, "")).StatusCode);
        Assert.Equal(
            HttpStatusCode.RequestEntityTooLarge,
            (await api.SendAsync(HttpMethod.Post, "/v1/uploads", new ByteArrayContent(noise))).StatusCode
        );
        var problem = await RunningApi.RefusedAsync(await api.SendImageAsync(RunningApi.Picture(1), ""), 422, "image-refused"); // 300 x 200
        Assert.Equal("too-many-pixels", (string?)problem["reason"]);
        await RunningApi.JsonAsync(await api.SendImageAsync(RunningApi.Picture(1, width: 100), ""), 202);
    }

    [Fact]
    public async Task Stalled_body_is_aborted()
    {
        await using var api = await RunningApi.StartAsync(worker: false);
        using var connection = new TcpClient();
        await connection.ConnectAsync(IPAddress.Loopback, api.Client.BaseAddress!.Port);
        await using var stream = connection.GetStream();
        await stream.WriteAsync(
            "POST /v1/uploads HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\nContent-Length: 5000\r\n\r\nabc"u8.ToArray()
        );
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var answer = new MemoryStream();
        await stream.CopyToAsync(answer, limit.Token); // until the server closes the connection
        Assert.StartsWith("HTTP/1.1 408", System.Text.Encoding.ASCII.GetString(answer.ToArray()));
    }

    [Fact]
    public async Task Body_below_the_minimum_rate_is_aborted()
    {
        await using var api = await RunningApi.StartAsync(worker: false);
        using var connection = new TcpClient();
        await connection.ConnectAsync(IPAddress.Loopback, api.Client.BaseAddress!.Port);
        await using var stream = connection.GetStream();
        await stream.WriteAsync(
            "POST /v1/uploads HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\nContent-Length: 100000\r\n\r\n"u8.ToArray()
        );
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        var answer = new byte[12];
        var reading = stream.ReadExactlyAsync(answer, limit.Token).AsTask();
        while (!reading.IsCompleted)
        {
            try
            {
                await stream.WriteAsync(new byte[20], limit.Token); // 100 bytes a second; the minimum is 1024
            }
            catch (IOException)
            {
                break; // the server closed the connection
            }
            await Task.WhenAny(reading, Task.Delay(200, limit.Token));
        }
        await reading;
        Assert.Equal("HTTP/1.1 408", System.Text.Encoding.ASCII.GetString(answer));
    }

    [Fact]
    public async Task Names_and_digests_of_keys_do_not_leave_the_process()
    {
        await using var api = await RunningApi.StartAsync(WithKeys, worker: false);
        foreach (var address in new[] { "/health/ready", "/openapi/v1.json", "/docs" })
        {
            var text = await api.Client.GetStringAsync(address);
            Assert.DoesNotContain(Reader.Entry.Sha256, text);
            Assert.DoesNotContain(api.Folder, text);
        }
    }
}
