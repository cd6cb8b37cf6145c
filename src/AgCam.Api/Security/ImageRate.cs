using System.Collections.Concurrent;

namespace AgCam.Api.Security;

/// <summary>
/// How much each key may send: a bucket that fills evenly and holds one minute's worth. Whoever has any left may come, also with more
/// than that; the rest is
/// owed, up to a minute's worth, and nothing more is taken until it has been made up for.
/// </summary>
internal abstract class KeyRate(double perMinute, TimeProvider clock)
{
    private readonly ConcurrentDictionary<string, Bucket> _buckets = new(StringComparer.Ordinal);

    /// <returns>Null when the amount may come; else how long to wait.</returns>
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

    /// <summary>Charges what could not be known before it had come.</summary>
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

/// <summary>Images a minute of each key.</summary>
internal sealed class ImageRate(int imagesPerMinute, TimeProvider clock) : KeyRate(imagesPerMinute, clock)
{
    /// <summary>Images beyond which it makes no difference how many there are.</summary>
    public int Most => imagesPerMinute;

    /// <returns>Null when the images may come; else how long to wait.</returns>
    public TimeSpan? Take(string name, int images = 1) => Take(name, (double)Math.Min(images, Most));
}

/// <summary>Bytes of request bodies a minute of each key.</summary>
internal sealed class ByteRate(long bytesPerMinute, TimeProvider clock) : KeyRate(bytesPerMinute, clock);
