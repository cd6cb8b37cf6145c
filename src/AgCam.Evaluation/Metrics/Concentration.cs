using AgCam.Heatmaps;

namespace AgCam.Evaluation.Metrics;

/// <summary>Measures how focused a heatmap is, without ground truth. Negative values count as zero. A map without mass gives NaN.</summary>
public static class Concentration
{
    /// <summary>Returns 1 - H(p) / ln n with p = map / sum: 0 when all pixels are equal, 1 when all mass is in one pixel.</summary>
    public static double Focus(Heatmap map)
    {
        var mass = Mass(map);
        if (!(mass > 0))
            return double.NaN;
        if (map.Values.Length == 1)
            return 1;
        var entropy = 0.0;
        foreach (var value in map.Values)
            if (value > 0)
                entropy -= value / mass * Math.Log(value / mass);
        return Math.Clamp(1 - entropy / Math.Log(map.Values.Length), 0, 1);
    }

    /// <summary>
    /// Returns the Gini index (Hurley and Rickard 2009): 0 when all pixels are equal, 1 - 1/n when all mass is in one pixel.
    /// </summary>
    public static double Gini(Heatmap map)
    {
        var mass = Mass(map);
        if (!(mass > 0))
            return double.NaN;
        var sorted = Array.ConvertAll(map.Values, value => Math.Max(value, 0f));
        Array.Sort(sorted);
        var weighted = 0.0;
        for (var i = 0; i < sorted.Length; i++)
            weighted += sorted[i] / mass * (sorted.Length - i - 0.5) / sorted.Length;
        return 1 - 2 * weighted;
    }

    private static double Mass(Heatmap map)
    {
        var mass = 0.0;
        foreach (var value in map.Values)
            mass += Math.Max(value, 0f);
        return mass;
    }
}
