using System.Runtime.InteropServices;

namespace AgCam.Metrics;

/// <summary>
/// At which thresholds one image's boxes meet the ground truth, one bit each: half a kilobyte for a thousand thresholds and four
/// series. All
/// components at each of <see cref="BoxAccuracy.Deltas"/>, then the largest component at 0.5.
/// </summary>
public sealed class BoxHits
{
    private readonly ulong[][] _series;

    private BoxHits(ulong[][] series) => _series = series;

    /// <summary>Of each series.</summary>
    internal int Words => _series[0].Length;

    internal bool this[int series, int threshold] => (_series[series][threshold >> 6] >> (threshold & 63) & 1) != 0;

    public static BoxHits Of(SweepCurves curves) =>
        new([.. BoxAccuracy.Deltas.Select(delta => Bits(curves.Best, delta)), Bits(curves.Largest, BoxAccuracy.UsualDelta)]);

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    /// <exception cref="FormatException">It is something else.</exception>
    public static BoxHits Parse(string text)
    {
        var bytes = Convert.FromBase64String(text);
        var series = BoxAccuracy.LargestSeries + 1;
        if (bytes.Length == 0 || bytes.Length % (series * sizeof(ulong)) != 0)
            throw new FormatException($"{bytes.Length} bytes are no box hits.");
        return new BoxHits([.. MemoryMarshal.Cast<byte, ulong>(bytes).ToArray().Chunk(bytes.Length / sizeof(ulong) / series)]);
    }

    public bool Same(BoxHits other) => _series.Zip(other._series).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second));

    /// <summary>Base64 of the little-endian bits, series after series.</summary>
    public override string ToString() => Convert.ToBase64String(MemoryMarshal.AsBytes<ulong>([.. _series.SelectMany(words => words)]));

    private static ulong[] Bits(double[] curve, double least)
    {
        var words = new ulong[(curve.Length + 63) / 64];
        for (var i = 0; i < curve.Length; i++)
            if (curve[i] >= least)
                words[i >> 6] |= 1UL << (i & 63);
        return words;
    }
}
