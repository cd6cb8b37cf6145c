using AgCam.Heatmaps;

namespace AgCam.Metrics;

/// <summary>Whether a heatmap points at the object. Boxes in pixels of the map; a pixel is in a box when its centre is.</summary>
public static class Pointing
{
    /// <summary>The pointing game (Zhang et al. 2016): whether the map's maximum, the first in reading order, lies in a box.</summary>
    /// <param name="tolerance">How far outside it may lie, in pixels; the original game allows 15, others none.</param>
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
    /// The energy pointing game (Wang et al. 2020): the share of the map's mass that lies in the boxes, and that share over the boxes'
    /// share of
    /// the area: a lift of 1 is what a map without any knowledge gets. Negative values count as zero.
    /// </summary>
    /// <returns>NaN where the map has no mass, or (lift) the boxes hold no pixel.</returns>
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

    /// <summary>The first pixel whose centre is not before this edge.</summary>
    private static int FirstPixel(double edge, int count) => (int)Math.Clamp(Math.Ceiling(edge - 0.5), 0, count);
}
