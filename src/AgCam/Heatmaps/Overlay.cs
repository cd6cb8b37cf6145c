using AgCam.Images;

namespace AgCam.Heatmaps;

/// <summary>
/// Blends a heatmap over a photo. Hotter pixels show more of the colormap and less of the photo. Cold pixels are unchanged.
/// </summary>
public static class Overlay
{
    /// <param name="photo">Not changed.</param>
    /// <param name="heatmap">Normalised to [0, 1], or to [-1, 1] for a signed map with <see cref="Colormap.Diverging"/>. Any size; sampled
    /// bilinearly.</param>
    /// <param name="covers">Rectangle of the photo that the map covers, in photo pixels: smaller than the photo after a crop, larger after
    /// padding.</param>
    /// <param name="colormap">Default inferno. A diverging map is read as signed.</param>
    /// <param name="opacity">Share of the photo that the colour replaces at the hottest pixel, in [0, 1].</param>
    public static RgbImage Blend(RgbImage photo, Heatmap heatmap, BoundingBox covers, Colormap? colormap = null, double opacity = 0.75)
    {
        if (!(opacity is >= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(opacity), opacity, "The opacity of an overlay must be between 0 and 1.");
        colormap ??= Colormap.Inferno;
        var signed = colormap == Colormap.Diverging;
        var blended = (byte[])photo.Pixels.Clone();
        var columns = Taps(photo.Width, covers.X, covers.Width, heatmap.Columns, out var left);
        var rows = Taps(photo.Height, covers.Y, covers.Height, heatmap.Rows, out var top);
        var heat = new float[heatmap.Columns]; // one row of the map, interpolated between its two nearest rows
        for (var y = 0; y < rows.Length; y++)
        {
            var above = heatmap.Values.AsSpan(rows[y].First * heat.Length, heat.Length);
            var below = heatmap.Values.AsSpan(rows[y].Second * heat.Length, heat.Length);
            for (var i = 0; i < heat.Length; i++)
                heat[i] = above[i] * rows[y].FirstWeight + below[i] * rows[y].SecondWeight;
            var pixels = blended.AsSpan(3 * ((top + y) * photo.Width + left), 3 * columns.Length);
            for (var x = 0; x < columns.Length; x++)
            {
                var value = heat[columns[x].First] * columns[x].FirstWeight + heat[columns[x].Second] * columns[x].SecondWeight;
                var alpha = (float)opacity * Math.Min(Math.Abs(value), 1f);
                if (!(alpha > 0) || (value < 0 && !signed)) // NaN counts as cold
                    continue;
                var color = colormap.At(signed ? (value + 1) / 2 : value);
                var pixel = pixels.Slice(3 * x, 3);
                pixel[0] = Mix(pixel[0], color.R, alpha);
                pixel[1] = Mix(pixel[1], color.G, alpha);
                pixel[2] = Mix(pixel[2], color.B, alpha);
            }
        }
        return new RgbImage(photo.Width, photo.Height, blended);
    }

    /// <summary>Draws only the heatmap, in colours.</summary>
    public static RgbImage Paint(Heatmap heatmap, int width, int height, Colormap? colormap = null)
    {
        colormap ??= Colormap.Inferno;
        var signed = colormap == Colormap.Diverging;
        var values = heatmap.Upsample(height, width).Values;
        var pixels = new byte[3 * values.Length];
        for (var i = 0; i < values.Length; i++)
        {
            var color = colormap.At(signed ? (values[i] + 1) / 2 : values[i]);
            (pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2]) = (color.R, color.G, color.B);
        }
        return new RgbImage(width, height, pixels);
    }

    /// <summary>
    /// Returns the sample position of the map for each photo pixel whose centre it covers. <paramref name="first"/> is the first such
    /// pixel.
    /// </summary>
    private static BilinearResampling.Tap[] Taps(int pixels, double start, double length, int samples, out int first)
    {
        first = (int)Math.Clamp(Math.Ceiling(start - 0.5), 0, pixels);
        var end = (int)Math.Clamp(Math.Ceiling(start + length - 0.5), first, pixels);
        var taps = new BilinearResampling.Tap[end - first];
        for (var i = 0; i < taps.Length; i++)
        {
            var position = (first + i + 0.5 - start) / length * samples - 0.5;
            taps[i] = BilinearResampling.Tap.At((float)Math.Clamp(position, 0, samples - 1), samples);
        }
        return taps;
    }

    private static byte Mix(byte photo, byte color, float alpha) => (byte)(photo + (color - photo) * alpha + 0.5f);
}
