using System.Diagnostics;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using AgCam.Pipeline;
using AgCam.Pipeline.References;
using AgCam.Worker;
using AgCam.Worker.Engines;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;

namespace AgCam.Api.Tests.Telemetry;

/// <summary>
/// Tests that a request is one trace: caller, API, message, worker and store. Each chunk of a job has its own trace, which links to the
/// submission's.
/// </summary>
public sealed class TraceTests
{
    private const string Skipped = "AGCAM_TEST_RABBITMQ names no broker";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static bool HasBroker => Environment.GetEnvironmentVariable("AGCAM_TEST_RABBITMQ") is { Length: > 0 };

    [Fact]
    public async Task Request_is_one_trace_from_caller_to_store()
    {
        var recorded = new Recorded();
        await using var api = await RunningApi.StartAsync(configure: builder => recorded.AddTo(builder.Services));
        await AssertOneTraceAsync(api, recorded);
    }

    [Trait("RabbitMQ", "wire")]
    [Fact(SkipUnless = nameof(HasBroker), Skip = Skipped)]
    public async Task Request_over_a_broker_is_one_trace()
    {
        var recorded = new Recorded();
        var broker = Environment.GetEnvironmentVariable("AGCAM_TEST_RABBITMQ")!;
        var prefix = $"test-{Guid.NewGuid():N}";
        await using var api = await RunningApi.StartAsync(
            worker: false,
            pipeline: options => options with { Bus = broker, Prefix = prefix },
            configure: builder => recorded.AddTo(builder.Services)
        );
        using var worker = await StartWorkerAsync(api, broker, prefix);
        try
        {
            await AssertOneTraceAsync(api, recorded);
            await AssertIntakeAsync(api, recorded, broker, prefix);
            await AssertJobAsync(api, recorded);
        }
        finally
        {
            await worker.StopAsync(CancellationToken.None);
            await DeleteAsync(broker, prefix);
        }
    }

    [Fact]
    public async Task Chunk_traces_link_to_the_submission_of_their_job()
    {
        var recorded = new Recorded();
        await using var api = await RunningApi.StartAsync(configure: builder => recorded.AddTo(builder.Services));
        await AssertJobAsync(api, recorded);
    }

    [Fact]
    public async Task Batch_links_to_each_of_its_requests()
    {
        var recorded = new Recorded();
        await using var api = await RunningApi.StartAsync(
            configure: builder => recorded.AddTo(builder.Services),
            workerOptions: options => options with { MaxBatch = 3, MaxDelayMilliseconds = 10_000 }
        );
        var traces = Enumerable.Range(0, 3).Select(_ => ActivityTraceId.CreateRandom()).ToList();
        await Task.WhenAll(traces.Select((trace, i) => PostAsync(api, trace, 100 + i)));
        var explains = new List<ActivitySpanId>();
        foreach (var trace in traces)
            explains.Add((await recorded.WaitAsync(trace, "explain")).Single(span => span.DisplayName == "explain").SpanId);

        var batches = recorded
            .All.Where(span => span.DisplayName == "batch" && span.Links.Any(link => explains.Contains(link.Context.SpanId)))
            .ToList();
        Assert.Equal(
            explains.Order(SpanOrder),
            batches.SelectMany(batch => batch.Links).Select(link => link.Context.SpanId).Order(SpanOrder)
        ); // each exactly once
        Assert.All(batches, batch => Assert.Equal(batch.Links.Count(), Convert.ToInt32(batch.GetTagItem("agcam.images"))));
        Assert.Contains(batches, batch => batch.Links.Count() > 1);
    }

    private static readonly IComparer<ActivitySpanId> SpanOrder = Comparer<ActivitySpanId>.Create(
        (left, right) => string.CompareOrdinal(left.ToHexString(), right.ToHexString())
    );

    private static async Task AssertOneTraceAsync(RunningApi api, Recorded recorded)
    {
        var trace = ActivityTraceId.CreateRandom();
        var (caller, item) = await PostAsync(api, trace, 7);
        Assert.Equal("Completed", (string?)item["state"]);
        var toTheLane = $"send {api.App.Services.GetRequiredService<PipelineOptions>().Prefix}-interactive";
        var spans = await recorded.WaitAsync(
            trace,
            "POST /v1/explanations",
            "store chunks.accept",
            toTheLane,
            "explain",
            "store chunks.lease",
            "fetch",
            "batch",
            "store",
            "save",
            "store chunks.save"
        );

        Activity Find(string name) => Assert.Single(spans, span => span.DisplayName == name);
        var (post, send, explain) = (Find("POST /v1/explanations"), Find(toTheLane), Find("explain"));
        Assert.Equal(caller, post.ParentSpanId);
        Assert.Equal(ActivityKind.Server, post.Kind);
        Assert.Equal(post.SpanId, Find("store chunks.accept").ParentSpanId);
        Assert.Equal((post.SpanId, ActivityKind.Producer), (send.ParentSpanId, send.Kind));
        Assert.Equal((send.SpanId, ActivityKind.Consumer), (explain.ParentSpanId, explain.Kind));
        Assert.Equal(explain.SpanId, Find("store chunks.lease").ParentSpanId);
        Assert.Equal(explain.SpanId, Find("fetch").ParentSpanId);
        Assert.Equal(explain.SpanId, Assert.Single(Find("batch").Links).Context.SpanId);
        Assert.Equal(explain.SpanId, Find("store").ParentSpanId);
        Assert.Equal(Find("store").SpanId, Assert.Single(Find("save").Links).Context.SpanId);
        Assert.Equal(Find("save").SpanId, Find("store chunks.save").ParentSpanId);
        Assert.Equal((string?)item["id"], explain.GetTagItem("agcam.owner")?.ToString());
        Assert.All(spans, span => Assert.NotEqual(ActivityStatusCode.Error, span.Status));
    }

    /// <summary>
    /// Submits ten images in chunks of four and expects three traces from publish to store, each with a link to the submission.
    /// </summary>
    private static async Task AssertJobAsync(RunningApi api, Recorded recorded)
    {
        var (trace, caller) = (ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom());
        foreach (var number in Enumerable.Range(200, 10))
            api.AddPicture(number, $"traced/{number}.png");
        var job = await RunningApi.JsonAsync(
            await SendTracedAsync(
                api,
                "/v1/jobs",
                trace,
                caller,
                JsonContent.Create(new { source = $"folder:{Path.Combine(api.Folder, "traced")}" })
            ),
            201
        );
        var submission = (await recorded.WaitAsync(trace, "POST /v1/jobs")).Single(span => span.Kind == ActivityKind.Server);
        Assert.Equal(caller, submission.ParentSpanId);
        Assert.Equal("Completed", (string?)(await api.GetAsync($"/v1/jobs/{(string?)job["id"]}?wait=60"))["state"]);

        var published = recorded
            .All.Where(span => span.DisplayName == "publish" && span.GetTagItem("agcam.job")?.ToString() == (string?)job["id"])
            .ToList();
        Assert.Equal([0, 1, 2], published.Select(span => (int)span.GetTagItem("agcam.chunk")!).Order());
        Assert.Equal(3, published.Select(span => span.TraceId).Append(trace).Distinct().Count() - 1);
        foreach (var publish in published)
        {
            Assert.Equal(default, publish.ParentSpanId);
            Assert.Equal(
                (trace, submission.SpanId),
                (Assert.Single(publish.Links).Context.TraceId, Assert.Single(publish.Links).Context.SpanId)
            );
            var toTheLane = $"send {api.App.Services.GetRequiredService<PipelineOptions>().Prefix}-bulk";
            var spans = await recorded.WaitAsync(publish.TraceId, toTheLane, "explain", "store");
            Assert.Equal(publish.SpanId, Assert.Single(spans, span => span.DisplayName == toTheLane).ParentSpanId);
            Assert.Equal(
                (string?)job["id"],
                Assert.Single(spans, span => span.DisplayName == "explain").GetTagItem("agcam.job")?.ToString()
            );
        }
    }

    /// <summary>Sends plain JSON with a trace context and expects all spans of the request in that trace.</summary>
    private static async Task AssertIntakeAsync(RunningApi api, Recorded recorded, string broker, string prefix)
    {
        var (trace, producer, key) = (ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom(), Guid.NewGuid().ToString("N"));
        var model = (await api.GetAsync("/v1/models"))[0]!;
        var body = new JsonObject
        {
            ["key"] = key,
            ["model"] = new JsonObject { ["id"] = (string?)model["id"], ["sha256"] = (string?)model["sha256"] },
            ["references"] = new JsonArray(
                new JsonObject
                {
                    ["number"] = 0,
                    ["kind"] = "File",
                    ["uri"] = api.AddPicture(55),
                }
            ),
        };
        await using var connection = await new ConnectionFactory { Uri = new Uri(broker) }.CreateConnectionAsync(Cancel);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Cancel);
        var properties = new BasicProperties
        {
            ContentType = "application/json",
            Headers = new Dictionary<string, object?> { ["traceparent"] = $"00-{trace}-{producer}-01" },
        };
        await channel.BasicPublishAsync(
            $"{prefix}-intake",
            "",
            mandatory: true,
            properties,
            Encoding.UTF8.GetBytes(body.ToJsonString()),
            Cancel
        );

        var spans = await recorded.WaitAsync(trace, "take in", "explain", "store chunks.save");
        var takeIn = Assert.Single(spans, span => span.DisplayName == "take in");
        Assert.Equal(producer, takeIn.ParentSpanId);
        Assert.Equal(takeIn.SpanId, Assert.Single(spans, span => span.DisplayName == $"send {prefix}-bulk").ParentSpanId);
    }

    private static async Task<(ActivitySpanId Caller, JsonNode Item)> PostAsync(RunningApi api, ActivityTraceId trace, int number)
    {
        var caller = ActivitySpanId.CreateRandom();
        var image = new MultipartFormDataContent { { new ByteArrayContent(RunningApi.Picture(number)), "image", "photo.png" } };
        return (caller, await RunningApi.JsonAsync(await SendTracedAsync(api, "/v1/explanations?wait=60", trace, caller, image), 200));
    }

    private static async Task<HttpResponseMessage> SendTracedAsync(
        RunningApi api,
        string path,
        ActivityTraceId trace,
        ActivitySpanId caller,
        HttpContent body
    )
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = body };
        request.Headers.Add("traceparent", $"00-{trace}-{caller}-01");
        // This process's HTTP instrumentation must not replace the caller's span in the header.
        using var client = new HttpClient(new SocketsHttpHandler { ActivityHeadersPropagator = null })
        {
            BaseAddress = api.Client.BaseAddress,
        };
        return await client.SendAsync(request, Cancel);
    }

    private static async Task<IHost> StartWorkerAsync(RunningApi api, string broker, string prefix)
    {
        var options = api.App.Services.GetRequiredService<PipelineOptions>();
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddAgCamPipeline(
            options with
            {
                Bus = broker,
                Prefix = prefix,
                RunJobs = false,
                References = new ReferenceOptions { Roots = options.References.Roots },
            }
        );
        builder.Services.AddSingleton<IEngineLoader, CornerLoader>();
        builder.Services.AddAgCamWorker(new WorkerOptions { DrainSeconds = 1 });
        var host = builder.Build();
        await host.StartAsync(Cancel);
        return host;
    }

    private static async Task DeleteAsync(string broker, string prefix)
    {
        await using var connection = await new ConnectionFactory { Uri = new Uri(broker) }.CreateConnectionAsync();
        foreach (var name in new[] { "bulk", "interactive", "intake", "dead", "events" })
        {
            await using var channel = await connection.CreateChannelAsync();
            await channel.QueueDeleteAsync($"{prefix}-{name}");
            await channel.ExchangeDeleteAsync($"{prefix}-{name}");
        }
    }
}
