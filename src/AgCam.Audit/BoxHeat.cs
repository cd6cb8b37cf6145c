using AgCam.Evaluation.Datasets;
using AgCam.Heatmaps;

namespace AgCam.Audit;

/// <summary>Heat in the annotated boxes of an image.</summary>
/// <param name="Energy">Share of the heat in the boxes (Wang et al. 2020).</param>
/// <param name="Area">Share of the map's area in the boxes, above 0.</param>
public readonly record struct BoxHeat(double Energy, double Area)
{
    /// <summary>Energy divided by area: 1 for an even map.</summary>
    public double Lift => Energy / Area;

    /// <summary>
    /// Measures the boxes as one region; where they overlap, nothing counts twice. A patch that is partly in the region counts with that
    /// part.
    /// </summary>
    /// <returns>Null without a map, or when no box covers a part of it.</returns>
    public static BoxHeat? Of(AuditRow row)
    {
        if (row is not { Shares: { } map, Objects: Annotation { Boxes.Count: > 0 } objects })
            return null;
        var seen = row.MapArea ?? (row.Picture is { } picture ? new BoundingBox(0, 0, picture.Width, picture.Height) : default);
        if (!(seen.Area > 0))
            return null;
        var boxes = objects
            .Boxes.Select(item => OnGrid(item.Box, seen, map))
            .Where(box => box.Width > 0 && box.Height > 0) // false for NaN
            .ToList();
        var (energy, area) = (0.0, 0.0);
        foreach (var (top, bottom) in Steps(boxes.SelectMany(box => new[] { box.Y, box.Bottom }), map.Rows))
        foreach (var (left, right) in Steps(boxes.SelectMany(box => new[] { box.X, box.Right }), map.Columns))
        {
            var (x, y) = ((left + right) / 2, (top + bottom) / 2);
            if (!boxes.Exists(box => x > box.X && x < box.Right && y > box.Y && y < box.Bottom))
                continue;
            var part = (right - left) * (bottom - top); // of one patch
            energy += part * map.Values[((int)y * map.Columns) + (int)x];
            area += part / map.Values.Count;
        }
        return area > 0 ? new BoxHeat(Math.Min(1, energy), Math.Min(1, area)) : null;
    }

    /// <summary>Returns the box in patches, clipped to the map.</summary>
    private static BoundingBox OnGrid(BoundingBox box, BoundingBox seen, MapShares map)
    {
        var (across, down) = (map.Columns / seen.Width, map.Rows / seen.Height);
        return new BoundingBox((box.X - seen.X) * across, (box.Y - seen.Y) * down, box.Width * across, box.Height * down).Clip(
            map.Columns,
            map.Rows
        );
    }

    /// <summary>Returns the intervals between the edges of boxes and patches. No box or patch begins or ends inside one.</summary>
    private static IEnumerable<(double From, double To)> Steps(IEnumerable<double> edges, int patches)
    {
        double[] all = [.. edges.Concat(Enumerable.Range(0, patches + 1).Select(edge => (double)edge)).Distinct().Order()];
        return all.Zip(all.Skip(1));
    }
}
