using AgCam.Pipeline.References;
using Polly.CircuitBreaker;
using Polly.Timeout;
using Xunit;

namespace AgCam.Pipeline.Tests.References;

public sealed class HostCircuitBreakerTests
{
    private static readonly HostRetryOptions Tries = new(Attempts: 3, TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(5))
    {
        MinFailures = 10,
        BreakDuration = TimeSpan.FromMilliseconds(600),
    };

    private int _asked;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Images_wait_while_their_host_is_down()
    {
        var back = false;
        var breaker = Of(Tries);
        var images = Enumerable.Range(0, 40).Select(_ => AskAsync(breaker, "a", () => Volatile.Read(ref back))).ToList();
        await Eventually.TrueAsync(() => Volatile.Read(ref _asked) >= 11); // the circuit is open and has probed at least once
        Assert.All(images, image => Assert.False(image.IsCompleted));
        Assert.Equal(1, await AskAsync(breaker, "b", () => true)); // another host is not affected
        Volatile.Write(ref back, true);
        Assert.Equal(40, (await Task.WhenAll(images).WaitAsync(TimeSpan.FromSeconds(60), Cancel)).Sum());
    }

    [Fact]
    public async Task Images_fail_when_their_host_stays_down()
    {
        var breaker = Of(Tries with { MaxOutage = TimeSpan.FromSeconds(1) });
        var images = Enumerable.Range(0, 40).Select(_ => AskAsync(breaker, "a", () => false)).ToList();
        foreach (var image in images)
            Assert.True(
                await Assert.ThrowsAnyAsync<Exception>(() => image.WaitAsync(TimeSpan.FromSeconds(60), Cancel))
                    is BrokenCircuitException
                        or IOException
            );
        Assert.InRange(_asked, 10, 100); // of 120 tries
    }

    [Fact]
    public async Task Single_failing_image_uses_its_attempts_and_no_more()
    {
        await Assert.ThrowsAsync<IOException>(() => AskAsync(Of(Tries), "a", () => false));
        Assert.Equal(3, _asked);
    }

    [Fact]
    public async Task Refused_images_do_not_open_the_circuit_of_their_host()
    {
        var breaker = new HostCircuitBreaker(Tries, e => e is IOException, e => false);
        for (var i = 0; i < 10; i++)
            await Assert.ThrowsAsync<IOException>(() => AskAsync(breaker, "a", () => false));
        Assert.Equal(30, _asked);
    }

    [Fact]
    public async Task Hanging_attempt_times_out()
    {
        var breaker = Of(Tries with { Attempts = 1, AttemptTimeout = TimeSpan.FromMilliseconds(100) });
        await Assert.ThrowsAsync<TimeoutRejectedException>(() =>
            breaker.CallAsync(
                "a",
                async cancellationToken =>
                {
                    await Task.Delay(Timeout.Infinite, cancellationToken);
                    return 1;
                },
                Cancel
            )
        );
    }

    private static HostCircuitBreaker Of(HostRetryOptions tries) => new(tries, e => e is IOException, e => e is IOException);

    private Task<int> AskAsync(HostCircuitBreaker breaker, string host, Func<bool> answers) =>
        breaker.CallAsync(
            host,
            _ =>
            {
                Interlocked.Increment(ref _asked);
                return answers() ? Task.FromResult(1) : Task.FromException<int>(new IOException("connection refused"));
            },
            Cancel
        );
}
