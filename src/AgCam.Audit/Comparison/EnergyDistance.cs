using AgCam.Evaluation.Metrics;

namespace AgCam.Audit.Comparison;

/// <summary>
/// Energy distance of two samples (Székely and Rizzo), unbiased and as a share: (2 E|X-Y| - E|X-X'| - E|Y-Y'|) / (2 E|X-Y|). It is 0 on
/// average for one distribution, where it may be slightly negative, and at most 1.
/// </summary>
/// <param name="Value">The share with its 95 % bootstrap interval.</param>
/// <param name="ByChance">Share that 95 % of the random splits of all images stay below.</param>
/// <param name="PValue">Share of the random splits that reach the value, the given one included.</param>
/// <param name="SmallestChange">Smallest drift that so many images detect with 80 % power.</param>
public sealed record EnergyDistance(Interval Value, double ByChance, double PValue, double SmallestChange)
{
    /// <summary>Minimum number of images of each side.</summary>
    public const int MinImages = 10;

    /// <summary>Number of random splits.</summary>
    public const int Permutations = 999;

    private const int Resamples = 500;

    private const double PowerQuantile = 0.8416212335729143; // of the normal distribution, for 80 %

    /// <param name="count">Number of all images.</param>
    /// <param name="first">Number of images of the first sample. They come first.</param>
    /// <param name="distance">Distance of two images, symmetric.</param>
    internal static EnergyDistance Of(int count, int first, Func<int, int, double> distance)
    {
        var pairs = new Pairs(count, distance);
        var value = pairs.Split([.. Enumerable.Range(0, first)]);
        var (permuted, resampled) = (new double[Permutations], new double[Resamples]);
        // Each split and resample has a seed of its own, so that the result does not depend on the number of threads.
        Parallel.For(0, Permutations, i => permuted[i] = pairs.Split(Shuffled(count, Seed(i))[..first]));
        Parallel.For(0, Resamples, i => resampled[i] = pairs.Weighted(Drawn(count, first, Seed(Permutations + i)), first));
        Array.Sort(permuted);
        Array.Sort(resampled);
        var byChance = ComparisonStatistics.Quantile(permuted, 0.95);
        var mean = resampled.Average();
        var deviation = Math.Sqrt(resampled.Sum(one => (one - mean) * (one - mean)) / (Resamples - 1));
        return new EnergyDistance(
            new Interval(value, ComparisonStatistics.Quantile(resampled, 0.025), ComparisonStatistics.Quantile(resampled, 0.975)),
            byChance,
            (1.0 + permuted.Count(one => one >= value - 1e-12)) / (1 + Permutations),
            byChance + PowerQuantile * deviation
        );
    }

    private static ulong Seed(int index) => SplitMix64.Mix(Bootstrap.Default.Seed + (ulong)index * SplitMix64.Golden);

    private static int[] Shuffled(int count, ulong random)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        for (var i = count - 1; i > 0; i--)
        {
            var j = Below(i + 1, ref random);
            (order[i], order[j]) = (order[j], order[i]);
        }
        return order;
    }

    /// <summary>Returns how often each image is drawn, each sample by itself.</summary>
    private static int[] Drawn(int count, int first, ulong random)
    {
        var weights = new int[count];
        for (var i = 0; i < count; i++)
            weights[i < first ? Below(first, ref random) : first + Below(count - first, ref random)]++;
        return weights;
    }

    private static int Below(int limit, ref ulong random) => (int)Math.BigMul(SplitMix64.Next(ref random), (ulong)limit, out _);

    /// <summary>Distances of all pairs.</summary>
    private sealed class Pairs
    {
        private readonly float[] _distances; // [count, count]
        private readonly double[] _rows; // sum of each row
        private readonly int _count;

        public Pairs(int count, Func<int, int, double> distance)
        {
            (_count, _distances, _rows) = (count, new float[count * count], new double[count]);
            Parallel.For(
                0,
                count,
                i =>
                {
                    for (var j = 0; j < i; j++)
                        _distances[i * count + j] = _distances[j * count + i] = (float)distance(i, j);
                }
            );
            for (var i = 0; i < count; i++)
            for (var j = 0; j < count; j++)
                _rows[i] += _distances[i * count + j];
        }

        /// <summary>Returns the energy distance of these images and the others.</summary>
        public double Split(int[] images)
        {
            var (inside, rows) = (0.0, 0.0); // sum over unordered pairs; sum over all partners
            for (var i = 0; i < images.Length; i++)
            {
                rows += _rows[images[i]];
                var row = _distances.AsSpan(images[i] * _count, _count);
                for (var j = 0; j < i; j++)
                    inside += row[images[j]];
            }
            var across = rows - 2 * inside;
            var outside = _rows.Sum() / 2 - inside - across;
            var others = _count - images.Length;
            return Share(
                across / ((double)images.Length * others),
                inside / (images.Length * (images.Length - 1.0) / 2),
                outside / (others * (others - 1.0) / 2)
            );
        }

        /// <summary>Returns the energy distance of a resample. Pairs of an image with itself do not count: their distance is 0.</summary>
        public double Weighted(int[] weights, int first)
        {
            var (inside, outside, across) = (0.0, 0.0, 0.0);
            for (var i = 0; i < _count; i++)
            {
                if (weights[i] == 0)
                    continue;
                var row = _distances.AsSpan(i * _count, _count);
                var (toFirst, toSecond) = (0.0, 0.0);
                for (var j = 0; j < first; j++)
                    toFirst += weights[j] * (double)row[j];
                for (var j = first; j < _count; j++)
                    toSecond += weights[j] * (double)row[j];
                if (i < first)
                    (inside, across) = (inside + weights[i] * toFirst, across + weights[i] * toSecond);
                else
                    outside += weights[i] * toSecond;
            }
            var second = _count - first;
            return Share(
                across / ((double)first * second),
                inside / Distinct(weights.AsSpan(0, first)),
                outside / Distinct(weights.AsSpan(first))
            );
        }

        /// <summary>Returns the number of ordered pairs of draws that are of different images.</summary>
        private static double Distinct(ReadOnlySpan<int> weights)
        {
            var (sum, squares) = (0.0, 0.0);
            foreach (var weight in weights)
                (sum, squares) = (sum + weight, squares + (double)weight * weight);
            return Math.Max(1, sum * sum - squares);
        }

        private static double Share(double across, double inside, double outside) =>
            across > 0 ? (2 * across - inside - outside) / (2 * across) : 0;
    }
}
