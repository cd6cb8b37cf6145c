using AgCam.Heatmaps;

namespace AgCam.Evaluation.Metrics;

/// <summary>Measures whether a heatmap points at the object. Boxes are in map pixels. A pixel is in a box when its centre is.</summary>
public static class Pointing
{
    /// <summary>Pointing game (Zhang et al. 2016): returns true when the map's first maximum in reading order lies in a box.</summary>
    /// <param name="tolerance">Allowed distance outside the box in pixels: 15 in the original game, 0 in others.</param>
    public static bool Hits(Heatmap map, IReadOnlyList<BoundingBox> boxes, double tolerance = 0)
    {
        var (y, x) = Math.DivRem(Array.IndexOf(map.Values, map.Max), map.Columns);
        return boxes.Any(box =>
            x + 0.5 >= box.X - tolerance
            && x + 0.5 < box.Right + tolerance
            && y + 0.5 >= box.Y - tolerance
            && y + 0.5 < box.Bottom + tolerance
        );
    }

    /// <summary>
    /// Energy pointing game (Wang et al. 2020): returns the share of the map's mass in the boxes (energy), and energy divided by the boxes'
    /// share of the area (lift). A uniform map has lift 1. Negative values count as zero.
    /// </summary>
    /// <returns>NaN where the map has no mass. Lift is also NaN where the boxes hold no pixel.</returns>
    public static (double Energy, double Lift) Energy(Heatmap map, IReadOnlyList<BoundingBox> boxes)
    {
        var inside = new bool[map.Values.Length];
        foreach (var box in boxes)
        {
            var (left, right) = (FirstPixel(box.X, map.Columns), FirstPixel(box.Right, map.Columns));
            for (var y = FirstPixel(box.Y, map.Rows); y < FirstPixel(box.Bottom, map.Rows) && right > left; y++)
                inside.AsSpan(y * map.Columns + left, right - left).Fill(true);
        }
        var (all, within, pixels) = (0.0, 0.0, 0);
        for (var i = 0; i < inside.Length; i++)
        {
            var mass = Math.Max(map.Values[i], 0f);
            all += mass;
            if (!inside[i])
                continue;
            within += mass;
            pixels++;
        }
        var energy = all > 0 ? within / all : double.NaN;
        return (energy, pixels > 0 ? energy * inside.Length / pixels : double.NaN);
    }

    /// <summary>Returns the first pixel whose centre is at or after this edge.</summary>
    private static int FirstPixel(double edge, int count) => (int)Math.Clamp(Math.Ceiling(edge - 0.5), 0, count);
}
