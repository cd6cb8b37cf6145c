using System.Diagnostics;
using System.Threading.Channels;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Telemetry;

namespace AgCam.Worker.Chunks;

/// <summary>
/// Stores the results of several finished chunks in one call, since stores are fastest with several hundred records a write.
/// The interactive lane has its own writer.
/// </summary>
internal sealed class ResultWriter(IStore store, StoreRetry storeRetry)
{
    private const int MaxChunks = 16,
        BulkWriters = 2;

    private readonly Channel<Waiting> _interactive = Channel.CreateUnbounded<Waiting>(),
        _bulk = Channel.CreateUnbounded<Waiting>();

    /// <exception cref="StoreUnavailableException">The store did not answer within the retry time.</exception>
    /// <exception cref="ArgumentException">The result breaks the contract, or an explanation that it refers to is gone.</exception>
    public Task<SaveAnswer> SaveAsync(ChunkResult result, Lane lane)
    {
        var waiting = new Waiting(result, new TaskCompletionSource<SaveAnswer>(TaskCreationOptions.RunContinuationsAsynchronously));
        (lane == Lane.Interactive ? _interactive : _bulk).Writer.TryWrite(waiting);
        return waiting.Done.Task;
    }

    public Task RunAsync(CancellationToken cancellationToken) =>
        Task.WhenAll([
            WriteAsync(_interactive.Reader, cancellationToken),
            .. Enumerable.Range(0, BulkWriters).Select(_ => WriteAsync(_bulk.Reader, cancellationToken)),
        ]);

    private async Task WriteAsync(ChannelReader<Waiting> waiting, CancellationToken cancellationToken)
    {
        try
        {
            while (await waiting.WaitToReadAsync(cancellationToken))
            {
                var batch = new List<Waiting>();
                while (batch.Count < MaxChunks && waiting.TryRead(out var next))
                    batch.Add(next);
                if (batch.Count > 0)
                    await WriteAsync(batch, cancellationToken);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested) { }
    }

    private async Task WriteAsync(List<Waiting> batch, CancellationToken cancellationToken)
    {
        try
        {
            using var activity = Batches.Start("save", batch.Select(item => item.Trace));
            var startedAt = Stage.Begin();
            var answers = await storeRetry.CallAsync(
                cancellationToken => store.Chunks.SaveAsync([.. batch.Select(item => item.Result)], cancellationToken),
                cancellationToken
            );
            Stage.End(Stage.Store, startedAt);
            for (var i = 0; i < batch.Count; i++)
                batch[i].Done.TrySetResult(answers[i]);
        }
        catch (ArgumentException) when (batch.Count > 1) // one invalid result must not fail the others
        {
            foreach (var item in batch)
                await WriteAsync([item], cancellationToken);
        }
        catch (Exception e)
        {
            foreach (var item in batch)
                item.Done.TrySetException(e);
        }
    }

    private sealed record Waiting(ChunkResult Result, TaskCompletionSource<SaveAnswer> Done)
    {
        public ActivityContext Trace { get; } = Activity.Current?.Context ?? default;
    }
}
