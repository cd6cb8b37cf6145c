using AgCam.Pipeline.Stores;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;

namespace AgCam.Worker.Chunks;

/// <summary>
/// A store that does not answer is waited for in place, with the chunk in hand. As every chunk in hand waits, no more messages are taken: consumption pauses by itself, and
/// no redelivery is used up. Once a few calls have failed in a row one call in a while tries, for all.
/// </summary>
internal sealed class StorePatience(TimeSpan patience)
{
    private readonly ResiliencePipeline _calls = new ResiliencePipelineBuilder()
        .AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<StoreUnavailableException>().Handle<BrokenCircuitException>(),
            MaxRetryAttempts = int.MaxValue,
            Delay = TimeSpan.FromMilliseconds(100),
            MaxDelay = TimeSpan.FromSeconds(3),
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
        })
        .AddCircuitBreaker(new CircuitBreakerStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<StoreUnavailableException>(),
            FailureRatio = 0.9,
            MinimumThroughput = 5,
            SamplingDuration = TimeSpan.FromSeconds(10),
            BreakDuration = TimeSpan.FromSeconds(2),
        })
        .Build();

    /// <exception cref="StoreUnavailableException">The patience is at its end.</exception>
    public async Task<T> CallAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken cancel)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        end.CancelAfter(patience);
        try
        {
            return await _calls.ExecuteAsync(async token => await call(token), end.Token);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new StoreUnavailableException($"The store has not answered for {patience.TotalSeconds:0} seconds.", e);
        }
    }
}
