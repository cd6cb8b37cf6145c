using System.Collections.Concurrent;

namespace AgCam.Api.Security;

/// <summary>
/// Token bucket per key that holds one minute's worth. A request passes while the bucket is not empty, also when it costs more. The rest
/// is owed, up to one minute's worth, and delays the next request.
/// </summary>
internal abstract class KeyRate(double perMinute, TimeProvider clock)
{
    private readonly ConcurrentDictionary<string, Bucket> _buckets = new(StringComparer.Ordinal);

    /// <returns>Null when the amount is admitted; otherwise how long to wait.</returns>
    public TimeSpan? Take(string name, double amount)
    {
        var bucket = BucketOf(name);
        lock (bucket)
        {
            if (bucket.Left < 1)
                return TimeSpan.FromMinutes((1 - bucket.Left) / perMinute);
            bucket.Left = Math.Max(bucket.Left - Math.Max(amount, 1), -perMinute);
            return null;
        }
    }

    /// <summary>Charges an amount that was not known before the transfer.</summary>
    public void Charge(string name, double amount)
    {
        var bucket = BucketOf(name);
        lock (bucket)
            bucket.Left = Math.Max(bucket.Left - amount, -perMinute);
    }

    private Bucket BucketOf(string name)
    {
        var bucket = _buckets.GetOrAdd(name, _ => new Bucket { Left = perMinute, Looked = clock.GetTimestamp() });
        lock (bucket)
        {
            var now = clock.GetTimestamp();
            bucket.Left = Math.Min(perMinute, bucket.Left + clock.GetElapsedTime(bucket.Looked, now).TotalMinutes * perMinute);
            bucket.Looked = now;
        }
        return bucket;
    }

    private sealed class Bucket
    {
        public double Left { get; set; }

        public long Looked { get; set; }
    }
}

/// <summary>Rate of images per minute and key.</summary>
internal sealed class ImageRate(int imagesPerMinute, TimeProvider clock) : KeyRate(imagesPerMinute, clock)
{
    /// <summary>Maximum number of images that a job is charged for.</summary>
    public int Most => imagesPerMinute;

    /// <returns>Null when the images are admitted; otherwise how long to wait.</returns>
    public TimeSpan? Take(string name, int images = 1) => Take(name, (double)Math.Min(images, Most));
}

/// <summary>Rate of request body bytes per minute and key.</summary>
internal sealed class ByteRate(long bytesPerMinute, TimeProvider clock) : KeyRate(bytesPerMinute, clock);
