namespace AgCam.Pipeline.Stores;

/// <summary>Times as both stores keep them: UTC, whole milliseconds.</summary>
public static class StoreTime
{
    public static DateTimeOffset Now(this TimeProvider clock) =>
        DateTimeOffset.FromUnixTimeMilliseconds(clock.GetUtcNow().ToUnixTimeMilliseconds());
}
