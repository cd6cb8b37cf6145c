using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using AgCam.Api.Security;
using AgCam.Pipeline.Telemetry;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace AgCam.Api.Tests.Security;

/// <summary>Tests that measure memory and calls of the whole process, so no other test may run at the same time.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class MeasuredInIsolation
{
    public const string Name = "measured in isolation";
}

/// <summary>Tests that one caller cannot stop the service.</summary>
[Collection(MeasuredInIsolation.Name)]
public sealed class LoadTests
{
    private static readonly (string Key, ApiKey Entry) One = ApiKey.Create("one", Scope.Submit, Scope.Read);
    private static readonly (string Key, ApiKey Entry) Other = ApiKey.Create("other", Scope.Submit, Scope.Read);

    private static readonly string? Mongo = Environment.GetEnvironmentVariable("AGCAM_TEST_MONGODB");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static ApiOptions WithKeys => new() { Keys = [One.Entry, Other.Entry] };

    /// <summary>Deletes all uploads and returns their number.</summary>
    private static Task<int> CountUploadsAsync(RunningApi api) =>
        api.Store.Uploads.DeleteOlderAsync(TimeSpan.FromMinutes(-1), cancellationToken: Cancel);

    /// <summary>Returns a picture with trailing bytes after its data.</summary>
    private static byte[] Padded(int number, int length)
    {
        var bytes = RunningApi.Picture(number);
        Array.Resize(ref bytes, length);
        return bytes;
    }

    private static Task<HttpResponseMessage> UploadAsync(RunningApi api, byte[] image, string? apiKey = null) =>
        api.SendAsync(HttpMethod.Post, "/v1/uploads", new ByteArrayContent(image), apiKey: apiKey);

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task Concurrent_large_uploads_do_not_fill_the_memory(bool mongo, bool form)
    {
        Assert.SkipWhen(mongo && Mongo is null, "AGCAM_TEST_MONGODB is not set: no MongoDB to test against.");
        const int Count = 24,
            Length = 16 << 20;
        await using var api = await RunningApi.StartAsync(
            worker: false,
            pipeline: options => mongo ? options with { Store = Mongo!, Database = $"load-{Guid.NewGuid():N}" } : options
        );
        var image = Padded(1, Length);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var peak = 0L;
        using var ended = new CancellationTokenSource();
        var watching = Task.Run(
            async () =>
            {
                while (!ended.IsCancellationRequested)
                {
                    peak = Math.Max(peak, GC.GetTotalMemory(forceFullCollection: false));
                    await Task.Delay(10, CancellationToken.None);
                }
            },
            CancellationToken.None
        );

        var sent = await Task.WhenAll(Enumerable.Range(0, Count).Select(_ => SendAsync()));
        var answers = sent.OfType<HttpResponseMessage>().ToList();
        await ended.CancelAsync();
        await watching;

        var accepted = answers.Count(answer => answer.StatusCode is HttpStatusCode.Created or HttpStatusCode.Accepted);
        Assert.InRange(accepted, 1, Count);
        foreach (var refused in answers.Where(answer => answer.StatusCode is not (HttpStatusCode.Created or HttpStatusCode.Accepted)))
        {
            await RunningApi.RefusedAsync(refused, 429, "busy");
            Assert.NotNull(refused.Headers.RetryAfter);
        }
        Assert.Equal(accepted, await CountUploadsAsync(api));
        Assert.InRange((peak - before) >> 20, 0, 300); // 384 MiB are sent; the bound is below one copy of each upload

        async Task<HttpResponseMessage?> SendAsync()
        {
            try
            {
                return form ? await api.SendImageAsync(image, "") : await UploadAsync(api, image);
            }
            catch (HttpRequestException refused) when (refused.InnerException is IOException)
            {
                return null; // the server closed the connection while a slow machine was still sending
            }
        }
    }

    [Fact]
    public async Task Bytes_in_flight_are_limited_in_total_and_per_key()
    {
        await using var api = await RunningApi.StartAsync(
            WithKeys with
            {
                MaxReceivingBytes = 1_000_000,
                MaxReceivingBytesPerKey = 600_000,
                MinUploadBytesPerSecond = 1,
            },
            worker: false
        );
        using (await BeginAsync(api, 400_000, One.Key))
        {
            var refused = await UploadAsync(api, Padded(1, 250_000), One.Key);
            await RunningApi.RefusedAsync(refused, 429, "busy");
            Assert.NotNull(refused.Headers.RetryAfter);
            await RunningApi.JsonAsync(await UploadAsync(api, Padded(1, 60_000), One.Key), 201); // below the limit
            await RunningApi.JsonAsync(await UploadAsync(api, Padded(1, 400_000), Other.Key), 201);
            using (await BeginAsync(api, 450_000, Other.Key))
                await RunningApi.RefusedAsync(await UploadAsync(api, Padded(1, 250_000), Other.Key), 429, "busy");
        }
        await UntilAsync(async () => (await UploadAsync(api, Padded(2, 400_000), One.Key)).StatusCode == HttpStatusCode.Created);
        await RunningApi.JsonAsync(await UploadAsync(api, Padded(3, 2_000_000), One.Key), 201); // above the share, but the only one
    }

    [Fact]
    public async Task Client_that_closes_its_connection_receives_the_refusal()
    {
        await using var api = await RunningApi.StartAsync(
            new ApiOptions { MaxReceivingBytes = 1_000_000, MinUploadBytesPerSecond = 1 },
            worker: false
        );
        using var first = await BeginAsync(api, 900_000, null);
        for (var i = 0; i < 5; i++)
        {
            var request = new HttpRequestMessage(HttpMethod.Post, "/v1/uploads") { Content = new ByteArrayContent(Padded(1, 16 << 20)) };
            request.Headers.ConnectionClose = true;
            await RunningApi.RefusedAsync(await api.Client.SendAsync(request, Cancel), 429, "busy");
        }
    }

    [Fact]
    public async Task Each_key_has_a_rate_limit_in_bytes()
    {
        await using var api = await RunningApi.StartAsync(WithKeys with { BytesPerMinute = 50_000 }, worker: false);
        await RunningApi.JsonAsync(await UploadAsync(api, Padded(1, 30_000), One.Key), 201);
        await RunningApi.JsonAsync(await UploadAsync(api, Padded(2, 60_000), One.Key), 201); // on credit: the bucket was not empty
        var refused = await UploadAsync(api, Padded(3, 2_000), One.Key);
        await RunningApi.RefusedAsync(refused, 429, "rate-limited");
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
        await RunningApi.JsonAsync(await UploadAsync(api, Padded(3, 2_000), Other.Key), 201);
    }

    [Fact]
    public async Task Body_without_a_declared_length_counts_against_the_rate()
    {
        await using var api = await RunningApi.StartAsync(WithKeys with { BytesPerMinute = 50_000 }, worker: false);
        var chunked = new HttpRequestMessage(HttpMethod.Post, "/v1/uploads") { Content = new ByteArrayContent(Padded(1, 90_000)) };
        chunked.Headers.TransferEncodingChunked = true;
        chunked.Headers.Authorization = new AuthenticationHeaderValue("Bearer", One.Key);
        await RunningApi.JsonAsync(await api.Client.SendAsync(chunked, Cancel), 201);
        await RunningApi.RefusedAsync(await UploadAsync(api, Padded(2, 2_000), One.Key), 429, "rate-limited");
    }

    [Fact]
    public async Task Rates_are_divided_among_the_replicas()
    {
        await using var api = await RunningApi.StartAsync(new ApiOptions { ImagesPerMinute = 4, Replicas = 2 }, worker: false);
        await RunningApi.JsonAsync(await UploadAsync(api, RunningApi.Picture(1)), 201);
        await RunningApi.JsonAsync(await UploadAsync(api, RunningApi.Picture(2)), 201);
        await RunningApi.RefusedAsync(await UploadAsync(api, RunningApi.Picture(3)), 429, "rate-limited");
    }

    [Fact]
    public async Task Pending_requests_of_one_key_leave_room_for_others()
    {
        await using var api = await RunningApi.StartAsync(WithKeys with { MaxPending = 5, MaxPendingPerKey = 2 }, worker: false);
        var path = api.AddPicture(1);
        Task<HttpResponseMessage> ExplainAsync(string apiKey) =>
            api.SendAsync(
                HttpMethod.Post,
                "/v1/explanations",
                new StringContent($$"""{"uri": "{{path}}"}""", null, "application/json"),
                apiKey: apiKey
            );

        var answers = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => ExplainAsync(One.Key)));
        Assert.Equal(2, answers.Count(answer => answer.StatusCode == HttpStatusCode.Accepted));
        var refused = answers.First(answer => answer.StatusCode == HttpStatusCode.TooManyRequests);
        Assert.Contains("of the key", (string?)(await RunningApi.RefusedAsync(refused, 429, "busy"))["detail"]);
        Assert.NotNull(refused.Headers.RetryAfter);
        await RunningApi.JsonAsync(await ExplainAsync(Other.Key), 202);
    }

    [Fact]
    public async Task Finished_request_no_longer_counts_as_pending()
    {
        await using var api = await RunningApi.StartAsync(WithKeys with { MaxPending = 1 });
        for (var number = 1; number <= 3; number++)
            await UntilAsync(async () =>
                (
                    await api.SendAsync(
                        HttpMethod.Post,
                        "/v1/explanations",
                        new StringContent($$"""{"uri": "{{api.AddPicture(number)}}"}""", null, "application/json"),
                        apiKey: One.Key
                    )
                ).StatusCode == HttpStatusCode.Accepted
            );
    }

    [Fact]
    public async Task Slow_body_is_aborted_after_a_total_time()
    {
        await using var api = await RunningApi.StartAsync(
            new ApiOptions { MaxBodySeconds = 3, MinUploadBytesPerSecond = 1 },
            worker: false
        );
        using var connection = await BeginAsync(api, 100_000, null);
        var stream = connection.GetStream();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var answer = new byte[12];
        var reading = stream.ReadExactlyAsync(answer, limit.Token).AsTask();
        while (!reading.IsCompleted)
        {
            try
            {
                await stream.WriteAsync(new byte[130], limit.Token); // 1.3 KB a second
            }
            catch (IOException)
            {
                break; // the server closed the connection
            }
            await Task.WhenAny(reading, Task.Delay(100, limit.Token));
        }
        await reading;
        Assert.Equal("HTTP/1.1 408", Encoding.ASCII.GetString(answer));
        Assert.Equal(0, await CountUploadsAsync(api));
    }

    [Fact]
    public async Task Event_streams_of_one_job_share_one_store_query()
    {
        const int Listeners = 60;
        await using var api = await RunningApi.StartAsync(worker: false);
        api.AddPicture(1);
        var job = (string?)
            (await RunningApi.JsonAsync(await api.SendJsonAsync("/v1/jobs", new JsonObject { ["source"] = $"folder:{api.Folder}" }), 201))[
                "id"
            ];
        await UntilAsync(async () => (int?)(await api.GetAsync($"/v1/jobs/{job}"))["images"] == 1);
        var looks = 0;
        using var listener = new MeterListener();
        listener.SetMeasurementEventCallback<double>(
            (_, _, tags, _) =>
            {
                foreach (var tag in tags)
                    if (tag is { Key: "operation", Value: "jobs.find" })
                        Interlocked.Increment(ref looks);
            }
        );
        listener.EnableMeasurementEvents(PipelineTelemetry.StoreSeconds);

        var answers = await Task.WhenAll(
            Enumerable
                .Range(0, Listeners)
                .Select(_ => api.Client.GetAsync($"/v1/jobs/{job}/events", HttpCompletionOption.ResponseHeadersRead, Cancel))
        );
        var readers = new List<StreamReader>();
        foreach (var answer in answers)
        {
            readers.Add(new StreamReader(await answer.Content.ReadAsStreamAsync(Cancel)));
            Assert.Equal("event: job", await readers[^1].ReadLineAsync(Cancel));
        }
        Interlocked.Exchange(ref looks, 0);
        await Task.Delay(3000, Cancel);
        Assert.InRange(looks, 1, Listeners); // without sharing: 360

        await RunningApi.JsonAsync(await api.SendAsync(HttpMethod.Post, $"/v1/jobs/{job}/cancel"), 200);
        foreach (var reader in readers)
        {
            Assert.Contains("event: ended", await reader.ReadToEndAsync(Cancel));
            reader.Dispose();
        }
    }

    [Fact]
    public async Task Each_key_has_a_limit_of_open_requests()
    {
        await using var api = await RunningApi.StartAsync(WithKeys with { MaxHeldPerKey = 2 }, worker: false);
        api.AddPicture(1);
        var job = (string?)
            (
                await RunningApi.JsonAsync(
                    await api.SendAsync(
                        HttpMethod.Post,
                        "/v1/jobs",
                        new StringContent($$"""{"source": "folder:{{api.Folder}}"}""", null, "application/json"),
                        apiKey: One.Key
                    ),
                    201
                )
            )["id"];
        Task<HttpResponseMessage> FollowAsync(string apiKey)
        {
            var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/jobs/{job}/events");
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", apiKey);
            return api.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
        }

        using var first = await FollowAsync(One.Key);
        using var second = await FollowAsync(One.Key);
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (first.StatusCode, second.StatusCode));
        var refused = await FollowAsync(One.Key);
        await RunningApi.RefusedAsync(refused, 429, "busy");
        Assert.NotNull(refused.Headers.RetryAfter);
        await RunningApi.RefusedAsync(await api.SendAsync(HttpMethod.Get, $"/v1/jobs/{job}?wait=1", apiKey: One.Key), 429, "busy");
        await RunningApi.JsonAsync(await api.SendAsync(HttpMethod.Get, $"/v1/jobs/{job}", apiKey: One.Key), 200); // without ?wait
        using (var others = await FollowAsync(Other.Key))
            Assert.Equal(HttpStatusCode.OK, others.StatusCode);
        first.Dispose();
        await UntilAsync(async () =>
            (await api.SendAsync(HttpMethod.Get, $"/v1/jobs/{job}?wait=0.01", apiKey: One.Key)).StatusCode == HttpStatusCode.OK
        );
    }

    [Fact]
    public async Task Every_expensive_operation_has_a_limit_per_key()
    {
        await using var api = await RunningApi.StartAsync(worker: false);
        var limited = api
            .App.Services.GetRequiredService<EndpointDataSource>()
            .Endpoints.OfType<RouteEndpoint>()
            .Where(route => route.Metadata.GetMetadata<EnableRateLimitingAttribute>() is not null)
            .Select(route => route.RoutePattern.RawText)
            .ToHashSet();
        foreach (
            var route in new[]
            {
                "/v1/jobs/{id:guid}/events",
                "/v1/jobs/{id:guid}/export",
                "/v1/jobs/{id:guid}/rows",
                "/v1/jobs/{id:guid}",
                "/v1/requests/{id:guid}",
                "/v1/explanations",
                "/v1/jobs/dry-run",
                "/v1/explanations/{id}/overlay.png",
                "/v1/explanations/{id}/heatmap.png",
            }
        )
            Assert.Contains(limited, pattern => pattern!.TrimEnd('/') == route);
    }

    [Fact]
    public async Task Json_of_more_than_a_mebibyte_is_refused()
    {
        await using var api = await RunningApi.StartAsync(worker: false);
        var body = $$"""{"uri": "{{new string('a', 1 << 20)}}", "source": "folder:/"}""";
        foreach (var path in new[] { "/v1/explanations", "/v1/jobs" })
            await RunningApi.RefusedAsync(
                await api.SendAsync(HttpMethod.Post, path, new StringContent(body, null, "application/json")),
                413,
                "too-large"
            );
    }

    [Fact]
    public async Task Form_that_is_refused_after_its_image_leaves_no_upload()
    {
        await using var api = await RunningApi.StartAsync(worker: false);
        var image = Padded(1, 700_000);
        await RunningApi.RefusedAsync(await api.SendImageAsync(image, "", fields: ("unknown", "1")), 400, "invalid-request");
        await RunningApi.RefusedAsync(await api.SendImageAsync(image, "", fields: ("threshold", "much")), 400, "invalid-request");
        await RunningApi.RefusedAsync(await api.SendImageAsync(image, "", fields: ("model", "nobody's")), 400, "invalid-request");
        await RunningApi.RefusedAsync(await api.SendImageAsync(image, "", fields: ("label", new string('a', 70_000))), 413, "invalid-form");
        await RunningApi.RefusedAsync(
            await SendFormAsync(
                new MultipartFormDataContent
                {
                    { new ByteArrayContent(image), "image", "a.png" },
                    { new ByteArrayContent(image), "image", "b.png" },
                }
            ),
            400,
            "invalid-request"
        );
        await RunningApi.RefusedAsync(
            await SendFormAsync(new MultipartFormDataContent { { new ByteArrayContent(image), "picture", "a.png" } }),
            400,
            "invalid-request"
        );
        await RunningApi.RefusedAsync(await SendFormAsync(new FormUrlEncodedContent([new("image", "a")])), 415, "unsupported-media-type");
        var cut = new ByteArrayContent([.. "--x\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a\"\r\n\r\n"u8, .. image]);
        cut.Headers.TryAddWithoutValidation("Content-Type", "multipart/form-data; boundary=x");
        await RunningApi.RefusedAsync(await SendFormAsync(cut), 400, "invalid-form");
        Assert.Equal(0, await CountUploadsAsync(api));

        await RunningApi.JsonAsync(await api.SendImageAsync(image, "", key: "same"), 202);
        await RunningApi.JsonAsync(await api.SendImageAsync(image, "", key: "same"), 202);
        await RunningApi.RefusedAsync(await api.SendImageAsync(Padded(2, 700_000), "", key: "same"), 409, "key-used");
        Assert.Equal(1, await CountUploadsAsync(api)); // the repeated image is compared and not stored

        Task<HttpResponseMessage> SendFormAsync(HttpContent form) => api.SendAsync(HttpMethod.Post, "/v1/explanations", form);
    }

    [Fact]
    public async Task Long_image_with_an_inconclusive_header_is_checked_completely()
    {
        await using var api = await RunningApi.StartAsync(new ApiOptions { MaxUploadPixels = 100_000 }, worker: false);
        await RunningApi.JsonAsync(await UploadAsync(api, Bitmap(300, 200)), 201);
        Assert.Equal(1, await CountUploadsAsync(api));
        await RunningApi.RefusedAsync(await UploadAsync(api, Bitmap(300, 200)[..100_000]), 422, "image-refused");
        Assert.Equal(
            "too-many-pixels",
            (string?)(await RunningApi.RefusedAsync(await UploadAsync(api, Bitmap(400, 300)), 422, "image-refused"))["reason"]
        );
        Assert.Equal(0, await CountUploadsAsync(api));
    }

    /// <summary>Returns a black BMP with 24 bits per pixel.</summary>
    private static byte[] Bitmap(int width, int height)
    {
        var bytes = new byte[54 + 3 * width * height]; // the widths here need no padding
        void Put(int at, int value) => BitConverter.TryWriteBytes(bytes.AsSpan(at), value);
        (bytes[0], bytes[1]) = ((byte)'B', (byte)'M');
        Put(2, bytes.Length);
        Put(10, 54);
        Put(14, 40);
        Put(18, width);
        Put(22, height);
        Put(26, 1 | 24 << 16);
        return bytes;
    }

    /// <returns>A connection with a started upload that sends no more bytes.</returns>
    private static async Task<TcpClient> BeginAsync(RunningApi api, int length, string? apiKey)
    {
        var connection = new TcpClient();
        await connection.ConnectAsync(IPAddress.Loopback, api.Client.BaseAddress!.Port, Cancel);
        var key = apiKey is null ? "" : $"Authorization: Bearer {apiKey}\r\n";
        var head = $"POST /v1/uploads HTTP/1.1\r\nHost: 127.0.0.1\r\n{key}Content-Type: image/png\r\nContent-Length: {length}\r\n";
        var stream = connection.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"{head}Expect: 100-continue\r\n\r\n"), Cancel);
        var answer = new byte["HTTP/1.1 100 Continue\r\n\r\n".Length];
        await stream.ReadExactlyAsync(answer, Cancel); // sent when the server reads the body
        Assert.StartsWith("HTTP/1.1 100", Encoding.ASCII.GetString(answer));
        await stream.WriteAsync(RunningApi.Picture(1), Cancel);
        return connection;
    }

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!await holds())
            await Task.Delay(20, limit.Token);
    }
}
