using System.Collections.Concurrent;
using AgCam.Pipeline.Stores;
using AgCam.Worker.Chunks;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace AgCam.Worker.Tests.Chunks;

public sealed class HeartbeatsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Hanging_heartbeat_delays_no_other_one()
    {
        var (beats, hanging) = (new ConcurrentBag<int>(), new TaskCompletionSource<bool>());
        var store = TroubledStore.Chunks(
            new ModelStore(TimeProvider.System),
            (_, arguments, _) =>
            {
                var number = ((ChunkLease)arguments[0]!).Number;
                beats.Add(number);
                return number == 0 ? hanging.Task : Task.FromResult(true);
            }
        );
        using var end = new CancellationTokenSource();
        var heartbeats = new Heartbeats(store, TimeSpan.FromSeconds(0.3), NullLogger<Heartbeats>.Instance);
        using var hung = heartbeats.Keep(new ChunkLease(Guid.NewGuid(), 0, 1));
        using var well = heartbeats.Keep(new ChunkLease(Guid.NewGuid(), 1, 1));
        var running = heartbeats.RunAsync(end.Token);
        await Eventually.TrueAsync(() => beats.Count(number => number == 1) >= 3 && beats.Count(number => number == 0) >= 3);
        Assert.False(hung.Lost.IsCancellationRequested);
        await end.CancelAsync();
        await running;
    }
}
