using Polly;
using Polly.Retry;

namespace AgCam.Pipeline;

/// <summary>At a start, what a process depends on may still be starting too.</summary>
internal static class Starting
{
    /// <summary>Tries until it works, but not longer than <paramref name="most"/>; what will never work is not tried again.</summary>
    public static async Task UntilAsync(Func<CancellationToken, Task> attempt, TimeSpan most, Func<Exception, Exception> failure, CancellationToken cancel)
    {
        var from = TimeProvider.System.GetTimestamp();
        var retry = new ResiliencePipelineBuilder()
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = args => ValueTask.FromResult(args.Outcome.Exception is { } e and not OperationCanceledException
                    && e is not Stores.StoreSchemaException and not OptionsException && TimeProvider.System.GetElapsedTime(from) < most),
                MaxRetryAttempts = int.MaxValue,
                Delay = TimeSpan.FromMilliseconds(250),
                MaxDelay = TimeSpan.FromSeconds(5),
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
            })
            .Build();
        try
        {
            await retry.ExecuteAsync(async token => await attempt(token), cancel);
        }
        catch (Exception e) when (e is not OperationCanceledException and not Stores.StoreSchemaException and not OptionsException)
        {
            throw failure(e);
        }
    }
}
