namespace AgCam.Heatmaps;

/// <summary>One line of text in <see cref="StrokeFont"/>'s letters.</summary>
/// <param name="Size">Height of capitals, in pixels.</param>
internal sealed record Lettering(string Text, double Size)
{
    private const double Weight = 1.75; // thickness of the pen in grid units
    private double Scale => Size / StrokeFont.CapHeight;

    public double Width => StrokeFont.Measure(Text) * Scale;

    /// <summary>Height from above the capitals to below the descenders.</summary>
    public double LineHeight => (StrokeFont.Ascent + StrokeFont.CapHeight + StrokeFont.Descent) * Scale;

    /// <summary>Returns the text, or its beginning with dots where it is too wide.</summary>
    public Lettering Fit(double width)
    {
        if (Width <= width)
            return this;
        for (var length = Text.Length - 1; length > 0; length--)
            if ((this with { Text = Text[..length].TrimEnd() + "..." }) is var shorter && shorter.Width <= width)
                return shorter;
        return this with { Text = "" };
    }

    /// <param name="x">Left edge of the first letter.</param>
    /// <param name="top">Top of the capitals.</param>
    /// <param name="halo">Colour of a rim that keeps the text readable on a photo.</param>
    public void Draw(Canvas canvas, double x, double top, Rgb color, Rgb? halo = null)
    {
        var strokes = StrokeFont.Strokes(Text).Select(s => Array.ConvertAll(s, p => (x + p.X * Scale, top + p.Y * Scale))).ToList();
        var pen = Math.Max(Weight * Scale, 1.1);
        if (halo is { } rim)
            canvas.Stroke(strokes, pen + 2.5, rim, 0.8);
        canvas.Stroke(strokes, pen, color);
    }
}
