using System.Threading.RateLimiting;

namespace AgCam.Api.Doors;

/// <summary>How many images each key may send: a bucket that fills evenly and holds one minute's worth.</summary>
internal sealed class ImageRate(int imagesPerMinute) : IDisposable
{
    private readonly PartitionedRateLimiter<string> _limiter = PartitionedRateLimiter.Create<string, string>(name =>
        RateLimitPartition.GetTokenBucketLimiter(name, _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = imagesPerMinute,
            TokensPerPeriod = Math.Max(1, imagesPerMinute / 60),
            ReplenishmentPeriod = imagesPerMinute >= 60 ? TimeSpan.FromSeconds(1) : TimeSpan.FromSeconds(60.0 / imagesPerMinute),
            QueueLimit = 0,
            AutoReplenishment = true,
        }));

    /// <returns>Null when the image may come; else how long to wait.</returns>
    public TimeSpan? Take(string name)
    {
        using var lease = _limiter.AttemptAcquire(name);
        return lease.IsAcquired ? null : lease.TryGetMetadata(MetadataName.RetryAfter, out var after) ? after : TimeSpan.FromSeconds(60.0 / imagesPerMinute);
    }

    public void Dispose() => _limiter.Dispose();
}
