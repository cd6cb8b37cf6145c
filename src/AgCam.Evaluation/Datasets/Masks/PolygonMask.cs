using AgCam.Images;

namespace AgCam.Evaluation.Datasets.Masks;

/// <summary>
/// COCO's polygons, x0, y0, x1, y1, ... in original pixels. A pixel belongs to the object when its centre lies in a polygon (even-odd
/// rule).
/// </summary>
internal sealed record PolygonMask(IReadOnlyList<double[]> Polygons) : ObjectMask
{
    internal override void Draw(MaskPixel[] pixels, int width, int height, ImageLimits limits, IFileReader files)
    {
        foreach (var polygon in Polygons)
        {
            if (polygon.Length < 6 || polygon.Length % 2 != 0 || polygon.Any(value => !double.IsFinite(value)))
                throw new FormatException($"A polygon of {polygon.Length} numbers has no area.");
            var crossings = new List<double>();
            for (var y = 0; y < height; y++)
            {
                Cross(polygon, y + 0.5, crossings);
                for (var i = 0; i + 1 < crossings.Count; i += 2)
                for (var x = First(crossings[i], width); x < First(crossings[i + 1], width); x++)
                    pixels[(y * width) + x] = MaskPixel.Object;
            }
        }
    }

    /// <summary>Collects the intersections of the horizontal line with the polygon, from left to right.</summary>
    private static void Cross(double[] polygon, double y, List<double> crossings)
    {
        crossings.Clear();
        for (var i = 0; i < polygon.Length; i += 2)
        {
            var j = (i + 2) % polygon.Length;
            var (fromX, fromY, toX, toY) = (polygon[i], polygon[i + 1], polygon[j], polygon[j + 1]);
            if (fromY <= y != toY <= y)
                crossings.Add(fromX + ((y - fromY) / (toY - fromY) * (toX - fromX)));
        }

        crossings.Sort();
    }

    /// <summary>Returns the first pixel whose centre is at or after this position.</summary>
    private static int First(double x, int width) => (int)Math.Clamp(Math.Ceiling(x - 0.5), 0, width);
}
