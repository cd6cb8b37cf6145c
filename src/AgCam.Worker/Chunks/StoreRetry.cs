using AgCam.Pipeline.Stores;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;

namespace AgCam.Worker.Chunks;

/// <summary>
/// A store that does not answer is waited for in place, with the chunk in hand. As every chunk in hand waits, no more messages are
/// taken: consumption pauses by itself, and
/// no redelivery is used up. Once a few calls have failed in a row one call in a while tries, for all.
/// </summary>
internal sealed class StoreRetry(TimeSpan retryTime)
{
    private readonly ResiliencePipeline _calls = new ResiliencePipelineBuilder()
        .AddRetry(
            new RetryStrategyOptions
            {
                ShouldHandle = new PredicateBuilder().Handle<StoreUnavailableException>().Handle<BrokenCircuitException>(),
                MaxRetryAttempts = int.MaxValue,
                Delay = TimeSpan.FromMilliseconds(100),
                MaxDelay = TimeSpan.FromSeconds(3),
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
            }
        )
        .AddCircuitBreaker(
            new CircuitBreakerStrategyOptions
            {
                ShouldHandle = new PredicateBuilder().Handle<StoreUnavailableException>(),
                FailureRatio = 0.9,
                MinimumThroughput = 5,
                SamplingDuration = TimeSpan.FromSeconds(10),
                BreakDuration = TimeSpan.FromSeconds(2),
            }
        )
        .Build();

    /// <exception cref="StoreUnavailableException">The store did not answer within the retry time.</exception>
    public async Task<T> CallAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        end.CancelAfter(retryTime);
        try
        {
            return await _calls.ExecuteAsync(async cancellationToken => await call(cancellationToken), end.Token);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new StoreUnavailableException($"The store has not answered for {retryTime.TotalSeconds:0} seconds.", e);
        }
    }
}
