using Polly;
using Polly.Retry;

namespace AgCam.Pipeline;

/// <summary>Retries at start, because a process's dependencies may still be starting.</summary>
internal static class StartupRetry
{
    /// <summary>
    /// Retries until an attempt succeeds or <paramref name="maximum"/> has passed. Schema and option errors are not retried.
    /// </summary>
    public static async Task UntilAsync(
        Func<CancellationToken, Task> attempt,
        TimeSpan maximum,
        Func<Exception, Exception> failure,
        CancellationToken cancellationToken
    )
    {
        var startedAt = TimeProvider.System.GetTimestamp();
        var retry = new ResiliencePipelineBuilder()
            .AddRetry(
                new RetryStrategyOptions
                {
                    ShouldHandle = args =>
                        ValueTask.FromResult(
                            args.Outcome.Exception is { } e and not OperationCanceledException
                                && e is not Stores.StoreSchemaException and not OptionsException
                                && TimeProvider.System.GetElapsedTime(startedAt) < maximum
                        ),
                    MaxRetryAttempts = int.MaxValue,
                    Delay = TimeSpan.FromMilliseconds(250),
                    MaxDelay = TimeSpan.FromSeconds(5),
                    BackoffType = DelayBackoffType.Exponential,
                    UseJitter = true,
                }
            )
            .Build();
        try
        {
            await retry.ExecuteAsync(async cancellationToken => await attempt(cancellationToken), cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException and not Stores.StoreSchemaException and not OptionsException)
        {
            throw failure(e);
        }
    }
}
