namespace AgCam.Heatmaps;

/// <summary>Legend with the colormap from its low end at the bottom to its high end at the top, both labelled.</summary>
public sealed record ColorBar(Colormap Colormap, string Low = "0", string High = "1")
{
    private const int Thickness = 14;
    private const int Gap = 6;

    internal int Width(double size) =>
        Thickness + Gap + (int)Math.Ceiling(Math.Max(new Lettering(Low, size).Width, new Lettering(High, size).Width)) + 2;

    internal void Draw(Canvas canvas, int x, int y, int height, double size, Rgb ink)
    {
        canvas.Fill(x, y, Thickness, height, ink);
        for (var row = 1; row < height - 1; row++)
            canvas.Fill(x + 1, y + row, Thickness - 2, 1, Colormap.At(1f - (row - 1f) / Math.Max(height - 3, 1)));
        new Lettering(High, size).Draw(canvas, x + Thickness + Gap, y + 1, ink);
        new Lettering(Low, size).Draw(canvas, x + Thickness + Gap, y + height - size - 1, ink);
    }
}
