using AgCam.Pipeline.Stores;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;

namespace AgCam.Worker.Chunks;

/// <summary>
/// Retries calls of a store that does not answer, while the chunk stays leased. All running chunks wait, so the worker receives no
/// more messages and uses up no redelivery. After several failures a circuit breaker lets one call in two seconds try.
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
