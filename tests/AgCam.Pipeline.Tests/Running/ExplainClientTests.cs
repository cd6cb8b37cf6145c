using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Messages;
using AgCam.Worker;
using AgCam.Worker.Engines;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace AgCam.Pipeline.Tests.Running;

/// <summary>What a .NET service does that has images and no job.</summary>
[Trait("RabbitMQ", "wire")]
public sealed class ExplainClientTests
{
    private const string Skipped = "AGCAM_TEST_RABBITMQ names no broker";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = Skipped)]
    public async Task Images_become_confirmed_batches_and_each_ends_in_a_record()
    {
        using var pictures = new Pictures(150);
        await using var broker = await Broker.OpenAsync();
        using var host = await StartAsync(new ExplainClientOptions { Bus = broker.Uri, Prefix = broker.Prefix });
        var client = host.Services.GetRequiredService<ExplainClient>();
        var receipts = await client.SendAsync(Request("a night"), ImagesAsync(pictures, 150), Cancel).ToListAsync(Cancel);
        Assert.Equal(
            [("a night/0", 0, 64), ("a night/1", 64, 64), ("a night/2", 128, 22)],
            receipts.Select(receipt => (receipt.Key, receipt.First, receipt.Count))
        );
        Assert.Equal(3u, await broker.Channel.MessageCountAsync($"{broker.Prefix}-bulk", Cancel)); // confirmed is in the queue

        var again = await client.SendAsync(Request("a night"), ImagesAsync(pictures, 150), Cancel).ToListAsync(Cancel);
        Assert.Equal(receipts, again);
        var explained = 0;
        await using var worker = await Processes.StartAsync(
            broker.Over(Processes.Options(pictures)) with
            {
                RunJobs = false,
            },
            new WorkerOptions(),
            new ObservedLoader(images => Interlocked.Add(ref explained, images.Count))
        );
        foreach (var receipt in receipts)
            await Eventually.TrueAsync(
                async () => (await worker.Store.Items.RecountAsync(receipt.Owner, Cancel)).Completed == receipt.Count,
                120
            );
        await Eventually.TrueAsync(async () => await broker.Channel.MessageCountAsync($"{broker.Prefix}-bulk", Cancel) == 0);
        Assert.Equal(150, explained); // sent twice, computed once
        await host.StopAsync(Cancel);
    }

    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = Skipped)]
    public async Task The_source_is_read_no_faster_than_the_broker_confirms()
    {
        using var pictures = new Pictures(0);
        await using var broker = await Broker.OpenAsync();
        using var host = await StartAsync(
            new ExplainClientOptions
            {
                Bus = broker.Uri,
                Prefix = broker.Prefix,
                BatchSize = 10,
                InFlight = 3,
            }
        );
        var read = 0;
        await using var receipts = host
            .Services.GetRequiredService<ExplainClient>()
            .SendAsync(Request("bounded"), ImagesAsync(pictures, 1000, () => read++), Cancel)
            .GetAsyncEnumerator(Cancel);
        for (var batch = 0; batch < 5; batch++)
        {
            Assert.True(await receipts.MoveNextAsync());
            Assert.InRange(read, 10 * (batch + 1), 10 * (batch + 3)); // what was received, and what is in flight
        }
        await host.StopAsync(Cancel);
    }

    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = Skipped)]
    public async Task A_request_that_no_queue_takes_comes_back_and_its_queue_is_declared_anew()
    {
        using var pictures = new Pictures(1);
        await using var broker = await Broker.OpenAsync();
        using var host = await StartAsync(new ExplainClientOptions { Bus = broker.Uri, Prefix = broker.Prefix });
        await broker.Channel.QueueUnbindAsync($"{broker.Prefix}-bulk", $"{broker.Prefix}-bulk", "", cancellationToken: Cancel);
        Assert.Single(
            await host
                .Services.GetRequiredService<ExplainClient>()
                .SendAsync(Request("returned"), ImagesAsync(pictures, 1), Cancel)
                .ToListAsync(Cancel)
        );
        Assert.Equal(1u, await broker.Channel.MessageCountAsync($"{broker.Prefix}-bulk", Cancel));
        await host.StopAsync(Cancel);
    }

    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = Skipped)]
    public async Task While_the_broker_is_away_nothing_is_accepted_and_afterwards_the_same_key_is()
    {
        using var pictures = new Pictures(10);
        await using var broker = await Broker.OpenAsync();
        await using var proxy = new BrokerProxy(broker.Uri);
        using var host = await StartAsync(
            new ExplainClientOptions
            {
                Bus = proxy.Uri,
                Prefix = broker.Prefix,
                ConfirmSeconds = 1,
            }
        );
        var client = host.Services.GetRequiredService<ExplainClient>();
        proxy.Cut();
        var away = await Assert.ThrowsAsync<BusException>(async () =>
            await client.SendAsync(Request("away"), ImagesAsync(pictures, 10), Cancel).ToListAsync(Cancel)
        );
        Assert.Contains("publish it again", away.Message);
        proxy.Mend();
        await Eventually.TrueAsync(
            async () =>
            {
                try
                {
                    return (await client.SendAsync(Request("away"), ImagesAsync(pictures, 10), Cancel).ToListAsync(Cancel)).Count == 1;
                }
                catch (BusException)
                {
                    return false; // it is still connecting
                }
            },
            120
        );
        Assert.True(await broker.Channel.MessageCountAsync($"{broker.Prefix}-bulk", Cancel) >= 1);
        await host.StopAsync(Cancel);
    }

    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = Skipped)]
    public async Task A_request_that_breaks_a_rule_is_told_before_anything_is_sent()
    {
        using var pictures = new Pictures(1);
        await using var broker = await Broker.OpenAsync();
        using var host = await StartAsync(new ExplainClientOptions { Bus = broker.Uri, Prefix = broker.Prefix });
        var client = host.Services.GetRequiredService<ExplainClient>();
        var wrong = await Assert.ThrowsAsync<InvalidMessageException>(async () =>
            await client.SendAsync(Request("wrong") with { Targets = ["worst"] }, ImagesAsync(pictures, 1), Cancel).ToListAsync(Cancel)
        );
        Assert.Contains("targets[0]", wrong.Message);
        Assert.Equal(0u, await broker.Channel.MessageCountAsync($"{broker.Prefix}-bulk", Cancel));
        await host.StopAsync(Cancel);
    }

    [Fact]
    public void A_client_without_a_broker_is_refused_at_the_start()
    {
        Assert.Throws<OptionsException>(() =>
            new ServiceCollection().AddExplainClient(new ExplainClientOptions { Bus = PipelineOptions.InMemory })
        );
        Assert.Throws<OptionsException>(() =>
            new ServiceCollection().AddExplainClient(new ExplainClientOptions { Bus = "amqp://x", BatchSize = 257 })
        );
    }

    private static ExplainImages Request(string key) => new() { Key = key, Model = NullEngine.Pin };

    private static async Task<IHost> StartAsync(ExplainClientOptions options)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddExplainClient(options);
        var host = builder.Build();
        await host.StartAsync(Cancel);
        return host;
    }

    private static async IAsyncEnumerable<ImageReference> ImagesAsync(Pictures pictures, int count, Action? read = null)
    {
        for (var i = 0; i < count; i++)
        {
            read?.Invoke();
            yield return new ImageReference { Uri = pictures.PathOf(i) };
            await Task.Yield();
        }
    }
}
