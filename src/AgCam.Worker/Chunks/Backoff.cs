namespace AgCam.Worker.Chunks;

/// <summary>Delays the requeue of a failed message, which is redelivered at once.</summary>
internal static class Backoff
{
    private const int MaxSeconds = 30;

    /// <summary>Waits 1, 2, 4 ... seconds, 30 at most. Cancellation ends the wait without an exception.</summary>
    /// <param name="failures">Number of earlier failures.</param>
    public static async Task DelayAsync(int failures, CancellationToken cancellationToken)
    {
        var seconds = Math.Min(MaxSeconds, 1 << Math.Min(failures, 5));
        await Task.Delay(TimeSpan.FromSeconds(seconds), cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
