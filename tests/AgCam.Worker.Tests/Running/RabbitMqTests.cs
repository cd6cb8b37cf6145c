using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Worker.Engines;
using RabbitMQ.Client;
using Xunit;

namespace AgCam.Worker.Tests.Running;

/// <summary>Tests with the real broker that AGCAM_TEST_RABBITMQ names.</summary>
[Trait("RabbitMQ", "wire")]
public sealed class RabbitMqTests
{
    private const string Skipped = "AGCAM_TEST_RABBITMQ names no broker";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = Skipped)]
    public async Task Job_ends_with_one_record_for_every_image()
    {
        using var pictures = new Pictures(1000, broken: 3);
        await using var broker = await Broker.OpenAsync();
        var options = broker.Over(Processes.Options(pictures));
        await using var api = await Processes.StartAsync(options);
        await using var item = await Processes.StartAsync(options with { RunJobs = false }, new WorkerOptions { Name = "one" });
        await using var two = await Processes.StartAsync(options with { RunJobs = false }, new WorkerOptions { Name = "two" });
        var (explained, completed) = (new List<ChunkExplained>(), new List<JobCompleted>());
        using var subscription = api.Events.Subscribe(
            message =>
            {
                lock (explained)
                    explained.Add(message);
            },
            completed.Add
        );

        var job = await api.SubmitAsync(new JobSpec { Source = $"folder:{pictures.Folder}", Model = NullEngine.Pin });
        job = await api.WaitAsync(job.Id, job => job.State == JobState.Completed);

        Assert.Equal((997, 3), (job.Progress.Completed, job.Progress.Failed));
        Assert.Equal(job.Progress, await api.Store.Items.RecountAsync(job.Id, Cancel));
        await Eventually.TrueAsync(() => completed.Count == 1);
        await Eventually.TrueAsync(() =>
        {
            lock (explained)
                return explained.Select(message => message.Chunk).Distinct().Count() == 16;
        });
    }

    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = Skipped)]
    public async Task Request_published_before_the_first_worker_starts_is_answered()
    {
        using var pictures = new Pictures(2);
        await using var broker = await Broker.OpenAsync();
        var options = broker.Over(Processes.Options(pictures));
        var request = Request(pictures, "early", 2);
        await using (var producer = await Processes.StartAsync(options))
            await producer.Bus.PublishAsync(request, Cancel);

        await using var worker = await Processes.StartAsync(options with { RunJobs = false }, new WorkerOptions());
        await Eventually.TrueAsync(async () => (await worker.Store.Items.RecountAsync(request.Owner, Cancel)).Completed == 2);
    }

    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = Skipped)]
    public async Task Plain_json_from_any_client_is_computed()
    {
        using var pictures = new Pictures(1);
        await using var broker = await Broker.OpenAsync();
        await using var worker = await Processes.StartAsync(broker.Over(Processes.Options(pictures)), new WorkerOptions());
        var request = Request(pictures, "from afar", 1);
        await SendAsync(
            broker,
            "intake",
            $$"""
            {"key": "from afar", "lane": "Interactive", "model": {"id": "null", "sha256": "{{NullEngine.Pin.Sha256}}"},
             "targets": ["predicted", "top:2"], "references": [{"number": 0, "kind": "File", "uri": {{JsonSerializer.Serialize(
                pictures.PathOf(0)
            )}}}]}
            """
        );
        await Eventually.TrueAsync(async () => (await worker.Store.Items.RecountAsync(request.Owner, Cancel)).Completed == 1);
        var item = await worker.Store.Items.FindAsync(request.Owner, 0, Cancel);
        var explanation = await worker.Store.Explanations.FindAsync(item!.Explanation!.Value, Cancel);
        Assert.Equal(["predicted,top:2", "top:2"], explanation!.Maps.Select(map => string.Join(',', map.Targets)));
    }

    [Theory(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = Skipped)]
    [InlineData("", "key")]
    [InlineData("{}", "key")]
    [InlineData("[1, 2]", "")]
    [InlineData("{\"key\": \"half a mess", "")]
    [InlineData("{\"key\": \"k\", \"jobId\": \"6f9619ff-8b86-d011-b42d-00c04fc964ff\"}", "jobId")]
    [InlineData("{\"schema\": 2, \"key\": \"k\"}", "schema")]
    [InlineData("{\"key\": \"k\", \"treshold\": 0.5}", "treshold")]
    [InlineData("{\"key\": \"k\", \"lane\": \"Fast\"}", "lane")]
    [InlineData("{\"key\": \"k\", \"method\": \"ag-cam\"}", "no attribution method. Take one of agcam,")]
    [InlineData("{\"key\": \"k\", \"references\": [{\"uri\": \"/a\", \"knownSha256\": \"00\"}]}", "knownSha256")]
    [InlineData("{\"key\": \"k\", \"references\": [null, {\"uri\": \"/a\"}, {\"uri\": \"/b\"}]}", "references[0]")]
    [InlineData("{\"key\": \"k\", \"references\": [{\"number\": 1e99, \"uri\": \"/a\"}]}", "number")]
    [InlineData("{\"messageType\": [\"urn:message:AgCam.Pipeline.Messages:ChunkExplained\"], \"message\": {}}", "messageType")]
    public async Task Json_that_is_no_request_is_dead_lettered_with_the_reason(string body, string field)
    {
        using var pictures = new Pictures(0);
        await using var broker = await Broker.OpenAsync();
        await using var worker = await Processes.StartAsync(broker.Over(Processes.Options(pictures)), new WorkerOptions());
        await SendAsync(broker, "intake", body);
        var aside = await broker.GetAsync("intake_error");
        var reason = Encoding.UTF8.GetString((byte[])aside.BasicProperties.Headers!["MT-Fault-Message"]!);
        Assert.Contains(field, reason);
        Assert.Equal(body, Encoding.UTF8.GetString(aside.Body.Span));
    }

    [Theory(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = Skipped)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Request_with_the_key_of_a_job_or_another_request_is_dead_lettered_with_the_reason(bool isJobs)
    {
        using var pictures = new Pictures(3);
        await using var broker = await Broker.OpenAsync();
        await using var process = await Processes.StartAsync(broker.Over(Processes.Options(pictures)), new WorkerOptions());
        string Intake(string path) =>
            new JsonObject
            {
                ["key"] = "order-17",
                ["model"] = new JsonObject { ["id"] = NullEngine.Pin.Id, ["sha256"] = NullEngine.Pin.Sha256.ToString() },
                ["references"] = new JsonArray(new JsonObject { ["uri"] = path }),
            }.ToJsonString();
        Task<JobProgress> RecountAsync() => process.Store.Items.RecountAsync(RequestId.Of("order-17"), Cancel);
        if (isJobs)
            await process.SubmitAsync(new JobSpec { Source = $"folder:{pictures.Folder}", Model = NullEngine.Pin }, "order-17");
        else
            await SendAsync(broker, "intake", Intake(pictures.PathOf(1)));
        await Eventually.TrueAsync(async () => (await RecountAsync()).Completed == (isJobs ? 3 : 1), seconds: 60);

        await SendAsync(broker, "intake", Intake(pictures.PathOf(0)));

        var aside = await broker.GetAsync("bulk_error");
        var reason = Encoding.UTF8.GetString((byte[])aside.BasicProperties.Headers!["MT-Fault-Message"]!);
        Assert.Contains("key \"order-17\" was used", reason);
        Assert.Equal(isJobs ? 3 : 1, (await RecountAsync()).Completed);
        if (isJobs)
            Assert.Equal(3, (await process.WaitAsync(RequestId.Of("order-17"), job => job.State == JobState.Completed)).Progress.Completed);
    }

    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = Skipped)]
    public async Task Malformed_message_on_a_lane_is_dead_lettered()
    {
        using var pictures = new Pictures(0);
        await using var broker = await Broker.OpenAsync();
        await using var worker = await Processes.StartAsync(broker.Over(Processes.Options(pictures)), new WorkerOptions());
        await SendAsync(broker, "bulk", "no message at all");
        Assert.Equal("no message at all", Encoding.UTF8.GetString((await broker.GetAsync("bulk_error")).Body.Span));
    }

    private static ExplainImages Request(Pictures pictures, string key, int count) =>
        new()
        {
            Key = key,
            Model = NullEngine.Pin,
            References = [.. Enumerable.Range(0, count).Select(i => new ImageReference { Number = i, Uri = pictures.PathOf(i) })],
        };

    private static async Task SendAsync(Broker broker, string queue, string body) =>
        await broker.Channel.BasicPublishAsync(
            $"{broker.Prefix}-{queue}",
            "",
            mandatory: true,
            new BasicProperties { ContentType = "application/json", Persistent = true },
            Encoding.UTF8.GetBytes(body),
            Cancel
        );
}
