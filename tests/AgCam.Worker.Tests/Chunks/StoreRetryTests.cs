using AgCam.Pipeline.Stores;
using AgCam.Worker.Chunks;
using Xunit;

namespace AgCam.Worker.Tests.Chunks;

public sealed class StoreRetryTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Call_continues_when_the_store_returns()
    {
        var calls = 0;
        Assert.Equal(
            "here",
            await new StoreRetry(TimeSpan.FromMinutes(5)).CallAsync(
                _ => ++calls < 4 ? throw Unavailable() : Task.FromResult("here"),
                Cancel
            )
        );
        Assert.Equal(4, calls);
    }

    [Fact]
    public async Task Exhausted_retry_states_its_seconds_in_the_reason()
    {
        var calls = 0;
        var end = await Assert.ThrowsAsync<StoreUnavailableException>(() =>
            new StoreRetry(TimeSpan.FromSeconds(1)).CallAsync<int>(
                _ =>
                {
                    calls++;
                    throw Unavailable();
                },
                Cancel
            )
        );
        Assert.Equal("The store has not answered for 1 seconds.", end.Message);
        Assert.InRange(calls, 2, 20); // retried, with pauses between the attempts
    }

    [Fact]
    public async Task Stopping_does_not_wait_for_the_store()
    {
        using var stop = new CancellationTokenSource();
        var waiting = new StoreRetry(TimeSpan.FromMinutes(5)).CallAsync<int>(_ => throw Unavailable(), stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task Error_that_is_no_outage_is_not_retried()
    {
        var calls = 0;
        await Assert.ThrowsAsync<InvalidOperationException>(() =>
            new StoreRetry(TimeSpan.FromMinutes(5)).CallAsync<int>(
                _ =>
                {
                    calls++;
                    throw new InvalidOperationException("not the store");
                },
                Cancel
            )
        );
        Assert.Equal(1, calls);
    }

    [Fact]
    public async Task Open_circuit_lets_one_call_probe_for_all()
    {
        var (retry, isDown, calls, tries) = (new StoreRetry(TimeSpan.FromMinutes(5)), true, 0, 0);
        for (var i = 0; i < 5; i++) // some calls fail one after the other: the circuit opens
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
            {
                using var first = new CancellationTokenSource();
                await retry.CallAsync<int>(
                    _ =>
                    {
                        first.Cancel();
                        throw Unavailable();
                    },
                    first.Token
                );
            });

        var all = Enumerable
            .Range(0, 200)
            .Select(_ =>
                retry.CallAsync(
                    _ =>
                    {
                        Interlocked.Increment(ref calls);
                        if (!Volatile.Read(ref isDown))
                            return Task.FromResult(1);
                        Interlocked.Increment(ref tries);
                        throw Unavailable();
                    },
                    Cancel
                )
            )
            .ToList();
        await Eventually.TrueAsync(() => Volatile.Read(ref tries) >= 2); // two attempts for 200 calls within seconds
        Assert.InRange(Volatile.Read(ref tries), 2, 5);
        Volatile.Write(ref isDown, false);
        Assert.Equal(200, (await Task.WhenAll(all)).Sum());
        Assert.InRange(calls, 202, 205);
    }

    private static StoreUnavailableException Unavailable() => new("The store does not answer.", new TimeoutException());
}
