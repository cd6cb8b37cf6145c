using System.Collections.Concurrent;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Worker.Tests.Running;

public sealed class IsolationTests
{
    [Fact]
    public async Task Isolated_chunk_runs_while_no_other_chunk_runs()
    {
        const int Isolated = 0;
        using var pictures = new Pictures(6 * 64);
        var running = new ConcurrentDictionary<int, bool>();
        var besideIsolated = new ConcurrentBag<int>();
        var images = 0;
        object? Observe(string method, object?[] arguments, Func<object?> inner)
        {
            switch (method)
            {
                case nameof(IChunks.LeaseAsync):
                    return LeaseAsync(inner);
                case nameof(IChunks.BeginIsolatedAsync):
                    Interlocked.Increment(ref images);
                    break;
                case nameof(IChunks.SaveAsync):
                    foreach (var result in (IReadOnlyList<ChunkResult>)arguments[0]!)
                        running.TryRemove(result.Lease.Number, out _);
                    return inner();
            }
            if (method is nameof(IChunks.BeginIsolatedAsync) or nameof(IChunks.EndIsolatedAsync))
                foreach (var other in running.Keys)
                    besideIsolated.Add(other);
            return inner();
        }
        async Task<LeaseAnswer> LeaseAsync(Func<object?> inner)
        {
            var answer = await (Task<LeaseAnswer>)inner()!;
            if (answer is not { Outcome: LeaseOutcome.Granted, Chunk: { } chunk })
                return answer;
            if (chunk.Number != Isolated)
            {
                running[chunk.Number] = true;
                return answer;
            }
            await Eventually.TrueAsync(() => running.Count >= 2); // chunks for the isolated one to wait for
            return answer with { Chunk = chunk with { Crashes = 1 } };
        }

        await using var process = await Processes.StartAsync(
            Processes.Options(pictures),
            new WorkerOptions(),
            ObservedLoader.Slow(5),
            store => TroubledStore.Chunks(store, Observe)
        );
        var job = await process.SubmitAsync(new JobSpec { Source = $"folder:{pictures.Folder}", Model = NullEngine.Pin });
        job = await process.WaitAsync(job.Id, job => job.State == JobState.Completed);

        Assert.Equal((6 * 64, 0), (job.Progress.Completed, job.Progress.Failed));
        Assert.Equal(64, images);
        Assert.Empty(besideIsolated);
    }
}
