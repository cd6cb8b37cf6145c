namespace AgCam.Pipeline.Stores;

/// <summary>Reads the clock with the precision that both stores keep: whole milliseconds, in UTC.</summary>
public static class StoreTime
{
    public static DateTimeOffset Now(this TimeProvider clock) =>
        DateTimeOffset.FromUnixTimeMilliseconds(clock.GetUtcNow().ToUnixTimeMilliseconds());
}
