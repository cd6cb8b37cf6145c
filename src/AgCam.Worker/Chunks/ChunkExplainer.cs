using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Telemetry;
using DotNext.Threading;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AgCam.Worker.Chunks;

/// <summary>Handles the message of a chunk: leases the chunk, runs it and publishes its result.</summary>
internal sealed class ChunkExplainer(
    ChunkLeasing leasing,
    ChunkRunner runner,
    ResultPublisher publisher,
    Heartbeats heartbeats,
    WorkerOptions options,
    IHostApplicationLifetime lifetime,
    ILogger<ChunkExplainer> log
) : IExplainHandler
{
    /// <summary>Slows redelivery while the bus stops consuming: a requeued message may come back here at once.</summary>
    private static readonly TimeSpan RequeueDelay = TimeSpan.FromMilliseconds(200);

    private readonly Drain _drain = new(lifetime.ApplicationStopping, TimeSpan.FromSeconds(options.DrainSeconds));

    /// <summary>
    /// Chunks share it, an isolated chunk holds it exclusively: if it crashes the process again, no other chunk counts that crash.
    /// </summary>
    private readonly AsyncReaderWriterLock _isolation = new();

    public async Task HandleAsync(ExplainImages message, bool redelivered, CancellationToken cancellationToken)
    {
        if (_drain.HasBegun || cancellationToken.IsCancellationRequested)
        {
            await Task.Delay(RequeueDelay, CancellationToken.None);
            throw Requeue();
        }
        using var scope = log.BeginScope("job {Job} chunk {Chunk}", message.Owner, message.Chunk);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_drain.Over, cancellationToken);
        LeaseAnswer? answer;
        using (await AsyncLock.ReadLock(_isolation).AcquireAsync(CancellationToken.None))
        {
            answer = await leasing.LeaseAsync(message, redelivered, stop.Token);
            if (answer is { Outcome: LeaseOutcome.Granted, Isolated: false })
            {
                using var held = heartbeats.Keep(answer.Lease!);
                await RunAsync(message, answer.Chunk!, held, stop.Token);
            }
        }
        if (answer is { Isolated: true })
        {
            using var held = heartbeats.Keep(answer.Lease!);
            using var exclusive = await AsyncLock.WriteLock(_isolation).AcquireAsync(CancellationToken.None);
            await RunAsync(message, answer.Chunk!, held, stop.Token);
        }
        // The worker that saved the chunk may have died before it published, or a caller sent the same key again and waits.
        if (answer is { Outcome: LeaseOutcome.Done, Chunk: { } done })
            await publisher.PublishAsync(message, done.Sum ?? new JobProgress());
    }

    private async Task RunAsync(ExplainImages message, Chunk chunk, HeldLease held, CancellationToken stop)
    {
        var request = chunk.Request ?? message with { References = chunk.References };
        var run = new ChunkRun(request, held, chunk.Faults, chunk.Crashes > 0 ? chunk.Isolated : null);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop, held.Lost);
        PipelineTelemetry.InFlight.Add(chunk.Count);
        try
        {
            if (await runner.RunAsync(run, ended.Token) is { } saved)
                await publisher.PublishAsync(request, saved);
        }
        catch (OperationCanceledException)
        {
            throw Requeue();
        }
        finally
        {
            PipelineTelemetry.InFlight.Add(-chunk.Count);
        }
    }

    private RequeueException Requeue() => new(_drain.HasBegun ? "The worker is stopping." : "The connection to the broker broke.");
}
