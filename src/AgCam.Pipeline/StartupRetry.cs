using Polly;
using Polly.Retry;

namespace AgCam.Pipeline;

/// <summary>At a start, what a process depends on may still be starting too.</summary>
internal static class StartupRetry
{
    /// <summary>Tries until it works, but not longer than <paramref name="maximum"/>; what will never work is not tried again.</summary>
    public static async Task UntilAsync(
        Func<CancellationToken, Task> attempt,
        TimeSpan maximum,
        Func<Exception, Exception> failure,
        CancellationToken cancellationToken
    )
    {
        var from = TimeProvider.System.GetTimestamp();
        var retry = new ResiliencePipelineBuilder()
            .AddRetry(
                new RetryStrategyOptions
                {
                    ShouldHandle = args =>
                        ValueTask.FromResult(
                            args.Outcome.Exception is { } e and not OperationCanceledException
                                && e is not Stores.StoreSchemaException and not OptionsException
                                && TimeProvider.System.GetElapsedTime(from) < maximum
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
