using System.Text;
using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Worker;
using AgCam.Worker.Engines;
using RabbitMQ.Client;
using Xunit;

namespace AgCam.Pipeline.Tests.Bus;

/// <summary>Tests with users of a real broker that have only the permissions of their role.</summary>
[Trait("RabbitMQ", "wire")]
public sealed class LockedBrokerTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory(SkipUnless = nameof(LockedBroker.IsThere), SkipType = typeof(LockedBroker), Skip = LockedBroker.Skipped)]
    [InlineData("api", true)]
    [InlineData("api-polling", false)]
    public async Task Job_completes_for_users_without_permission_to_declare(string role, bool subscribes)
    {
        using var pictures = new Pictures(200, broken: 2);
        await using var broker = await LockedBroker.OpenAsync();
        var options = Processes.Options(pictures) with { Topology = TopologyMode.Verify, SubscribeToEvents = subscribes };
        await new BusTopology(broker.Over(options, "setup")).ApplyAsync(Cancel);
        await using var api = await Processes.StartAsync(broker.Over(options, role));
        await using var worker = await Processes.StartAsync(broker.Over(options, "worker") with { RunJobs = false }, new WorkerOptions());
        var explained = new List<ChunkExplained>();
        using var subscription = api.Events.Subscribe(message =>
        {
            lock (explained)
                explained.Add(message);
        });

        var job = await api.SubmitAsync(new JobSpec { Source = $"folder:{pictures.Folder}", Model = NullEngine.Pin });
        job = await api.WaitAsync(job.Id, job => job.State == JobState.Completed);

        Assert.Equal((198, 2), (job.Progress.Completed, job.Progress.Failed));
        Assert.Equal(job.Progress, await api.Store.Items.RecountAsync(job.Id, Cancel));
        if (subscribes)
            await Eventually.TrueAsync(() =>
            {
                lock (explained)
                    return explained.Select(message => message.Chunk).Distinct().Count() == job.Chunks;
            });
    }

    [Fact(SkipUnless = nameof(LockedBroker.IsThere), SkipType = typeof(LockedBroker), Skip = LockedBroker.Skipped)]
    public async Task Worker_without_permission_to_declare_runs_plain_json_and_dead_letters_anything_else()
    {
        using var pictures = new Pictures(1);
        await using var broker = await LockedBroker.OpenAsync();
        var options = Processes.Options(pictures) with { Topology = TopologyMode.Verify, RunJobs = false };
        await new BusTopology(broker.Over(options, "setup")).ApplyAsync(Cancel);
        await using var worker = await Processes.StartAsync(broker.Over(options, "worker"), new WorkerOptions());

        var request = new ExplainImages
        {
            Key = "plain json",
            Model = NullEngine.Pin,
            References = [new ImageReference { Uri = pictures.PathOf(0) }],
        };
        await SendAsync(
            broker.Over(options, "producer"),
            $$"""
            {"key": "plain json", "model": {"id": "null", "sha256": "{{NullEngine.Pin.Sha256}}"},
             "references": [{"kind": "File", "uri": "{{pictures.PathOf(0)}}"}]}
            """
        );
        await SendAsync(broker.Over(options, "producer"), "no message at all");

        await Eventually.TrueAsync(async () => (await worker.Store.Items.RecountAsync(request.Owner, Cancel)).Completed == 1);
        await using var setup = await BrokerAddress.Of(broker.Over(options, "setup")).Factory().CreateConnectionAsync(Cancel);
        await using var channel = await setup.CreateChannelAsync(cancellationToken: Cancel);
        BasicGetResult? deadLetter = null;
        await Eventually.TrueAsync(async () =>
            (deadLetter = await channel.BasicGetAsync("locked-intake_error", autoAck: true, Cancel)) is not null
        );
        Assert.Equal("no message at all", Encoding.UTF8.GetString(deadLetter!.Body.Span));
    }

    [Fact(SkipUnless = nameof(LockedBroker.IsThere), SkipType = typeof(LockedBroker), Skip = LockedBroker.Skipped)]
    public async Task Start_without_permission_to_declare_names_what_is_missing_and_the_command_that_creates_it()
    {
        using var pictures = new Pictures(0);
        await using var broker = await LockedBroker.OpenAsync();
        var options = broker.Over(Processes.Options(pictures), "worker") with
        {
            Topology = TopologyMode.Verify,
            RunJobs = false,
            StartSeconds = 1,
        };
        var refused = await Assert.ThrowsAsync<BusException>(() => Processes.StartAsync(options, new WorkerOptions()));
        Assert.Contains("Queue locked-bulk is missing.", refused.Message);
        Assert.Contains("agcam topology apply", refused.Message);
    }

    [Fact(SkipUnless = nameof(LockedBroker.IsThere), SkipType = typeof(LockedBroker), Skip = LockedBroker.Skipped)]
    public async Task Start_without_permission_to_subscribe_names_the_option_that_avoids_it()
    {
        using var pictures = new Pictures(0);
        await using var broker = await LockedBroker.OpenAsync();
        var options = Processes.Options(pictures) with { Topology = TopologyMode.Verify };
        await new BusTopology(broker.Over(options, "setup")).ApplyAsync(Cancel);
        var refused = await Assert.ThrowsAsync<OptionsException>(() => Processes.StartAsync(broker.Over(options, "api-polling")));
        Assert.Contains("Pipeline:SubscribeToEvents", refused.Message);
    }

    [Fact(SkipUnless = nameof(LockedBroker.IsThere), SkipType = typeof(LockedBroker), Skip = LockedBroker.Skipped)]
    public async Task Imported_definitions_pass_verification()
    {
        await using var broker = await LockedBroker.OpenAsync();
        var worker = new BusTopology(broker.Over(new PipelineOptions(), "worker"));
        Assert.NotEmpty((await worker.VerifyAsync(null, Cancel)).Differences);
        await broker.ImportAsync(worker.Definitions());
        Assert.Empty((await worker.VerifyAsync(null, Cancel)).Differences);
        Assert.Empty((await worker.VerifyAsync(broker.Management, Cancel)).Differences);
    }

    [Fact(SkipUnless = nameof(LockedBroker.IsThere), SkipType = typeof(LockedBroker), Skip = LockedBroker.Skipped)]
    public async Task Every_difference_is_listed_to_a_user_without_permission_to_configure()
    {
        await using var broker = await LockedBroker.OpenAsync();
        var setup = new BusTopology(broker.Over(new PipelineOptions(), "setup"));
        await setup.ApplyAsync(Cancel);
        await broker.DeleteAsync("queues/VHOST/locked-bulk");
        await broker.PutAsync(
            "queues/VHOST/locked-bulk",
            new { durable = true, arguments = new Dictionary<string, object> { ["x-queue-type"] = "classic", ["x-max-length"] = 7 } }
        );
        await broker.DeleteAsync("queues/VHOST/locked-intake");
        await broker.DeleteAsync("exchanges/VHOST/locked-events");

        var worker = new BusTopology(broker.Over(new PipelineOptions(), "worker"));
        var differences = (await worker.VerifyAsync(broker.Management, Cancel)).Differences;
        Assert.Contains("Queue locked-bulk has x-queue-type classic, not quorum.", differences);
        Assert.Contains("Queue locked-bulk has no x-delivery-limit; expected 20.", differences);
        Assert.Contains("Queue locked-bulk has x-max-length 7; expected none.", differences);
        Assert.Contains("Exchange locked-bulk is not bound to queue locked-bulk.", differences);
        Assert.Equal(
            ["Exchange locked-events is missing.", "Queue locked-intake is missing."],
            (await worker.VerifyAsync(null, Cancel)).Differences.Order()
        );

        var refused = await Assert.ThrowsAsync<BusException>(() => worker.ApplyAsync(Cancel));
        Assert.Contains("ACCESS_REFUSED", refused.Message);
        Assert.DoesNotContain("a secret of the test", refused.ToString());
    }

    private static async Task SendAsync(PipelineOptions options, string body)
    {
        await using var connection = await BrokerAddress.Of(options).Factory().CreateConnectionAsync(Cancel);
        await using var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true),
            Cancel
        );
        await channel.BasicPublishAsync(
            "locked-intake",
            "",
            mandatory: true,
            new BasicProperties { Persistent = true },
            Encoding.UTF8.GetBytes(body),
            Cancel
        );
    }
}
