using System.Runtime.InteropServices;

namespace AgCam.Evaluation.Metrics;

/// <summary>
/// Bits of one image: at which thresholds its boxes match the ground truth. One series for all components at each of
/// <see cref="BoxAccuracy.Deltas"/>, then one for the largest component at 0.5. A thousand thresholds take half a kilobyte.
/// </summary>
public sealed class BoxHits
{
    private readonly ulong[][] _series;

    private BoxHits(ulong[][] series) => _series = series;

    /// <summary>Number of 64-bit words in each series.</summary>
    internal int Words => _series[0].Length;

    internal bool this[int series, int threshold] => (_series[series][threshold >> 6] >> (threshold & 63) & 1) != 0;

    public static BoxHits Of(SweepCurves curves) =>
        new([.. BoxAccuracy.Deltas.Select(delta => Bits(curves.Best, delta)), Bits(curves.Largest, BoxAccuracy.UsualDelta)]);

    /// <summary>Parses the text of <see cref="ToString"/>.</summary>
    /// <exception cref="FormatException">The text has another form.</exception>
    public static BoxHits Parse(string text)
    {
        var bytes = Convert.FromBase64String(text);
        var series = BoxAccuracy.LargestSeries + 1;
        if (bytes.Length == 0 || bytes.Length % (series * sizeof(ulong)) != 0)
            throw new FormatException($"{bytes.Length} bytes cannot be box hits.");
        return new BoxHits([.. MemoryMarshal.Cast<byte, ulong>(bytes).ToArray().Chunk(bytes.Length / sizeof(ulong) / series)]);
    }

    public bool Same(BoxHits other) => _series.Zip(other._series).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second));

    /// <summary>Returns Base64 of the little-endian bits, series after series.</summary>
    public override string ToString() => Convert.ToBase64String(MemoryMarshal.AsBytes<ulong>([.. _series.SelectMany(words => words)]));

    private static ulong[] Bits(double[] curve, double minimum)
    {
        var words = new ulong[(curve.Length + 63) / 64];
        for (var i = 0; i < curve.Length; i++)
            if (curve[i] >= minimum)
                words[i >> 6] |= 1UL << (i & 63);
        return words;
    }
}
