using AgCam.Images;

namespace AgCam.Heatmaps;

/// <summary>
/// Draws boxes that are visible on any photo, in colour and in grey. Predicted boxes are solid lines of colour and white between two black
/// ones. Ground truth is white dashes on black.
/// </summary>
public static class BoxDrawing
{
    /// <summary>Colour of the predicted boxes.</summary>
    public static readonly Rgb PredictedColor = new(0x00, 0xb8, 0xff);

    /// <summary>Draws on a copy.</summary>
    /// <param name="boxes">In pixels of the photo.</param>
    /// <param name="groundTruth">In pixels of the photo.</param>
    /// <param name="scores">When true, writes each predicted box's score in its corner, where there is room.</param>
    public static RgbImage Draw(
        RgbImage photo,
        IReadOnlyList<BoundingBox> boxes,
        IReadOnlyList<BoundingBox>? groundTruth = null,
        Rgb? color = null,
        bool scores = false
    )
    {
        var canvas = new Canvas(new RgbImage(photo.Width, photo.Height, [.. photo.Pixels]));
        var pen = Math.Max(1, (int)Math.Round(Math.Max(photo.Width, photo.Height) / 360.0));
        foreach (var box in groundTruth ?? [])
            Dashed(canvas, Outer(box, canvas, pen), pen);
        foreach (var box in boxes.Reverse()) // largest score drawn last
        {
            var outer = Outer(box, canvas, pen);
            Solid(canvas, outer, pen, color ?? PredictedColor);
            if (scores && box.Score > 0)
                Score(canvas, outer, pen, box.Score);
        }
        return canvas.Image;
    }

    private static void Solid(Canvas canvas, Rectangle outer, int pen, Rgb color)
    {
        Ring(canvas, outer, pen, Rgb.Black);
        Ring(canvas, outer.Inset(pen), pen, Rgb.White);
        Ring(canvas, outer.Inset(2 * pen), Core(canvas, pen), color);
        Ring(canvas, outer.Inset(2 * pen + Core(canvas, pen)), pen, Rgb.Black);
    }

    private static void Dashed(Canvas canvas, Rectangle outer, int pen)
    {
        var dash = 4 * (pen + Core(canvas, pen)) / 2 + 2 * pen;
        Ring(canvas, outer, pen, Rgb.Black, dash);
        Ring(canvas, outer.Inset(pen), Core(canvas, pen), Rgb.White, dash);
        Ring(canvas, outer.Inset(pen + Core(canvas, pen)), pen, Rgb.Black, dash);
    }

    /// <summary>Returns the thickness of the coloured line: twice its rims, or equal on thumbnails.</summary>
    private static int Core(Canvas canvas, int pen) => Math.Max(canvas.Width, canvas.Height) < 200 ? pen : 2 * pen;

    private static void Score(Canvas canvas, Rectangle box, int pen, double score)
    {
        var text = new Lettering(FormattableString.Invariant($"{score:0.00}"), Math.Max(8, 6.5 * pen));
        var (pad, width, height) = (text.Size * 0.45, (int)(text.Width + text.Size * 0.9), (int)(text.Size * 1.9));
        if (width > box.Width - 10 * pen || height > box.Height - 10 * pen)
            return;
        var (left, top) = (box.Left + 5 * pen, box.Top + 5 * pen);
        canvas.Fill(left, top, width, height, Rgb.Black, 0.65);
        text.Draw(canvas, left + pad, top + pad, Rgb.White);
    }

    /// <summary>Returns the box in whole pixels, widened by the outer black line and clipped to the image.</summary>
    private static Rectangle Outer(BoundingBox box, Canvas canvas, int pen) =>
        new(
            Math.Clamp((int)Math.Round(box.X) - pen, 0, canvas.Width),
            Math.Clamp((int)Math.Round(box.Y) - pen, 0, canvas.Height),
            Math.Clamp((int)Math.Round(box.Right) + pen, 0, canvas.Width),
            Math.Clamp((int)Math.Round(box.Bottom) + pen, 0, canvas.Height)
        );

    /// <param name="dash">0 for a solid line. Else the approximate length of a dash and of a gap in pixels, with solid corners.</param>
    private static void Ring(Canvas canvas, Rectangle outer, int pen, Rgb color, int dash = 0)
    {
        if (outer.Width <= 0 || outer.Height <= 0)
            return;
        var (across, down) = (Math.Min(pen, outer.Width), Math.Min(pen, outer.Height));
        for (var x = outer.Left; x < outer.Right; x++)
        {
            if (!On(x - outer.Left, outer.Width, dash))
                continue;
            canvas.Fill(x, outer.Top, 1, down, color);
            canvas.Fill(x, outer.Bottom - down, 1, down, color);
        }
        for (var y = outer.Top; y < outer.Bottom; y++)
        {
            if (!On(y - outer.Top, outer.Height, dash))
                continue;
            canvas.Fill(outer.Left, y, across, 1, color);
            canvas.Fill(outer.Right - across, y, across, 1, color);
        }
    }

    private static bool On(int position, int length, int dash)
    {
        if (dash == 0)
            return true;
        var periods = Math.Max(1, Math.Round(length / (2.0 * dash)));
        var phase = (position + 0.5) / length * periods;
        return Math.Abs(phase - Math.Round(phase)) < 0.27; // half a dash at each end
    }

    private readonly record struct Rectangle(int Left, int Top, int Right, int Bottom)
    {
        public int Width => Right - Left;

        public int Height => Bottom - Top;

        public Rectangle Inset(int by) => new(Left + by, Top + by, Right - by, Bottom - by);
    }
}
