using AgCam.Images;

namespace AgCam.Heatmaps;

/// <summary>
/// An opaque 8-bit RGB image to draw on. The origin is at the top left, coordinates are in pixels, and drawing outside is ignored.
/// </summary>
internal sealed class Canvas
{
    private readonly byte[] _pixels;

    /// <summary>Creates an empty canvas.</summary>
    public Canvas(int width, int height, Rgb paper)
        : this(new RgbImage(width, height, new byte[checked(width * height * 3)])) => Fill(0, 0, width, height, paper);

    /// <summary>Draws on the image itself, without a copy.</summary>
    public Canvas(RgbImage image)
    {
        Image = image;
        _pixels = image.Pixels;
    }

    public RgbImage Image { get; }

    public int Width => Image.Width;

    public int Height => Image.Height;

    /// <param name="coverage">0 keeps the pixel, 1 replaces it.</param>
    public void Blend(int x, int y, Rgb color, double coverage)
    {
        if (coverage <= 0 || (uint)x >= (uint)Width || (uint)y >= (uint)Height)
            return;
        var at = 3 * (y * Width + x);
        var mixed = new Rgb(_pixels[at], _pixels[at + 1], _pixels[at + 2]).Towards(color, coverage);
        (_pixels[at], _pixels[at + 1], _pixels[at + 2]) = (mixed.R, mixed.G, mixed.B);
    }

    public void Fill(int x, int y, int width, int height, Rgb color, double coverage = 1)
    {
        for (var row = Math.Max(y, 0); row < Math.Min(y + height, Height); row++)
        for (var column = Math.Max(x, 0); column < Math.Min(x + width, Width); column++)
            Blend(column, row, color, coverage);
    }

    /// <summary>Copies another image with its top left corner at (x, y).</summary>
    public void Paste(RgbImage picture, int x, int y)
    {
        var (left, right) = (Math.Max(x, 0), Math.Min(x + picture.Width, Width));
        for (var row = Math.Max(y, 0); row < Math.Min(y + picture.Height, Height); row++)
            if (right > left)
                picture
                    .Pixels.AsSpan(3 * ((row - y) * picture.Width + left - x), 3 * (right - left))
                    .CopyTo(_pixels.AsSpan(3 * (row * Width + left)));
    }

    /// <summary>Draws antialiased strokes with round ends. Crossings are blended once.</summary>
    /// <param name="thickness">In pixels.</param>
    public void Stroke(IReadOnlyCollection<(double X, double Y)[]> lines, double thickness, Rgb color, double opacity = 1)
    {
        if (lines.Count == 0)
            return;
        var reach = thickness / 2 + 0.5;
        var left = Math.Max((int)Math.Floor(lines.Min(l => l.Min(p => p.X)) - reach), 0);
        var top = Math.Max((int)Math.Floor(lines.Min(l => l.Min(p => p.Y)) - reach), 0);
        var right = Math.Min((int)Math.Ceiling(lines.Max(l => l.Max(p => p.X)) + reach), Width);
        var bottom = Math.Min((int)Math.Ceiling(lines.Max(l => l.Max(p => p.Y)) + reach), Height);
        if (right <= left || bottom <= top)
            return;
        var coverage = new float[bottom - top, right - left];
        foreach (var line in lines)
            for (var i = 0; i < Math.Max(line.Length - 1, 1); i++)
                Cover(coverage, left, top, line[i], line[Math.Min(i + 1, line.Length - 1)], reach);
        for (var y = top; y < bottom; y++)
        for (var x = left; x < right; x++)
            Blend(x, y, color, coverage[y - top, x - left] * opacity);
    }

    private static void Cover(float[,] coverage, int left, int top, (double X, double Y) a, (double X, double Y) b, double reach)
    {
        var (firstX, lastX) = Reach(a.X - left, b.X - left, reach, coverage.GetLength(1));
        var (firstY, lastY) = Reach(a.Y - top, b.Y - top, reach, coverage.GetLength(0));
        var (dx, dy) = (b.X - a.X, b.Y - a.Y);
        var length = dx * dx + dy * dy;
        for (var y = firstY; y <= lastY; y++)
        {
            for (var x = firstX; x <= lastX; x++)
            {
                var (px, py) = (x + left + 0.5 - a.X, y + top + 0.5 - a.Y); // from a to the pixel's centre
                var along = length == 0 ? 0 : Math.Clamp((px * dx + py * dy) / length, 0, 1);
                var distance = double.Hypot(px - along * dx, py - along * dy);
                coverage[y, x] = Math.Max(coverage[y, x], (float)Math.Clamp(reach - distance, 0, 1));
            }
        }
    }

    private static (int First, int Last) Reach(double a, double b, double reach, int size) =>
        (Math.Max((int)Math.Floor(Math.Min(a, b) - reach), 0), Math.Min((int)Math.Ceiling(Math.Max(a, b) + reach), size - 1));
}
