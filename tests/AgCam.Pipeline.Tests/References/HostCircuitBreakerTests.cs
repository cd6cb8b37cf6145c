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
    public async Task Images_of_a_host_that_goes_away_wait_until_it_is_back()
    {
        var back = false;
        var patience = Of(Tries);
        var images = Enumerable.Range(0, 40).Select(_ => AskAsync(patience, "a", () => Volatile.Read(ref back))).ToList();
        await Eventually.TrueAsync(() => Volatile.Read(ref _asked) >= 11); // away, and looked for at least once more
        Assert.All(images, image => Assert.False(image.IsCompleted));
        Assert.Equal(1, await AskAsync(patience, "b", () => true)); // another host is not waited for
        Volatile.Write(ref back, true);
        Assert.Equal(40, (await Task.WhenAll(images).WaitAsync(TimeSpan.FromSeconds(60), Cancel)).Sum());
    }

    [Fact]
    public async Task Images_of_a_host_that_stays_away_fail_in_the_end()
    {
        var patience = Of(Tries with { MaxOutage = TimeSpan.FromSeconds(1) });
        var images = Enumerable.Range(0, 40).Select(_ => AskAsync(patience, "a", () => false)).ToList();
        foreach (var image in images)
            Assert.True(
                await Assert.ThrowsAnyAsync<Exception>(() => image.WaitAsync(TimeSpan.FromSeconds(60), Cancel))
                    is BrokenCircuitException
                        or IOException
            );
        Assert.InRange(_asked, 10, 100); // of 120 tries
    }

    [Fact]
    public async Task One_image_that_fails_alone_has_its_tries_and_no_more()
    {
        await Assert.ThrowsAsync<IOException>(() => AskAsync(Of(Tries), "a", () => false));
        Assert.Equal(3, _asked);
    }

    [Fact]
    public async Task Images_that_are_refused_one_by_one_do_not_make_a_host_away()
    {
        var patience = new HostCircuitBreaker(Tries, e => e is IOException, e => false);
        for (var i = 0; i < 10; i++)
            await Assert.ThrowsAsync<IOException>(() => AskAsync(patience, "a", () => false));
        Assert.Equal(30, _asked);
    }

    [Fact]
    public async Task A_try_that_hangs_ends_with_its_time()
    {
        var patience = Of(Tries with { Attempts = 1, AttemptTimeout = TimeSpan.FromMilliseconds(100) });
        await Assert.ThrowsAsync<TimeoutRejectedException>(() =>
            patience.CallAsync(
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

    private Task<int> AskAsync(HostCircuitBreaker patience, string host, Func<bool> answers) =>
        patience.CallAsync(
            host,
            _ =>
            {
                Interlocked.Increment(ref _asked);
                return answers() ? Task.FromResult(1) : Task.FromException<int>(new IOException("nobody there"));
            },
            Cancel
        );
}
