using AgCam.Heatmaps;

namespace AgCam.Evaluation.Metrics;

/// <summary>Order in which a heatmap's pixels are removed or revealed. Equal values keep reading order in both directions.</summary>
public static class PixelOrder
{
    /// <returns>Indices into the map's values.</returns>
    public static int[] HottestFirst(Heatmap map) => Sorted(map, value => -value);

    /// <returns>Indices into the map's values.</returns>
    public static int[] ColdestFirst(Heatmap map) => Sorted(map, value => value);

    private static int[] Sorted(Heatmap map, Func<float, float> key)
    {
        // the index in the lower half makes the sort stable
        var keys = new ulong[map.Values.Length];
        for (var i = 0; i < keys.Length; i++)
            keys[i] = (ulong)Ascending(key(map.Values[i])) << 32 | (uint)i;
        Array.Sort(keys);
        return Array.ConvertAll(keys, k => (int)(uint)k);
    }

    /// <summary>Maps floats to unsigned integers of the same order. Both zeros are equal.</summary>
    private static uint Ascending(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value + 0f);
        return (bits & 0x8000_0000) != 0 ? ~bits : bits | 0x8000_0000;
    }
}
