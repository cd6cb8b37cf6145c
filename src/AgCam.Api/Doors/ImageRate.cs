using System.Collections.Concurrent;

namespace AgCam.Api.Doors;

/// <summary>
/// How many images each key may send: a bucket that fills evenly and holds one minute's worth. Whoever has any left may come, also with a job of more than that; the rest is
/// owed, up to a minute's worth, and nothing more is taken until it has been made up for.
/// </summary>
internal sealed class ImageRate(int imagesPerMinute, TimeProvider clock)
{
    private readonly ConcurrentDictionary<string, Bucket> _buckets = new(StringComparer.Ordinal);

    /// <summary>Images beyond which it makes no difference how many there are.</summary>
    public int Most => imagesPerMinute;

    /// <returns>Null when the images may come; else how long to wait.</returns>
    public TimeSpan? Take(string name, int images = 1)
    {
        var bucket = _buckets.GetOrAdd(name, _ => new Bucket { Left = imagesPerMinute, Looked = clock.GetTimestamp() });
        lock (bucket)
        {
            var now = clock.GetTimestamp();
            bucket.Left = Math.Min(imagesPerMinute, bucket.Left + clock.GetElapsedTime(bucket.Looked, now).TotalMinutes * imagesPerMinute);
            bucket.Looked = now;
            if (bucket.Left < 1)
                return TimeSpan.FromMinutes((1 - bucket.Left) / imagesPerMinute);
            bucket.Left -= Math.Clamp(images, 1, Most);
            return null;
        }
    }

    private sealed class Bucket
    {
        public double Left { get; set; }

        public long Looked { get; set; }
    }
}
