using AgCam.Images;

namespace AgCam.Heatmaps;

/// <summary>Picture of a strip and its caption.</summary>
public readonly record struct Panel(RgbImage Picture, string Caption);

/// <summary>Places pictures side by side on white with thin gaps, a caption below each, and a colour bar on the right.</summary>
public static class Strip
{
    private const int Gap = 8;
    private const int Margin = 8;
    private const int NarrowestPanel = 160; // room for a caption below a tall picture
    private static readonly Rgb Paper = Rgb.White;
    private static readonly Rgb Ink = new(0x22, 0x22, 0x22);

    /// <param name="panels">Drawn at their own size. <see cref="ExplanationPicture"/> scales them to one size.</param>
    public static RgbImage Compose(IReadOnlyList<Panel> panels, ColorBar? bar = null)
    {
        if (panels.Count == 0)
            throw new ArgumentException("A strip needs at least one picture.", nameof(panels));
        var height = panels.Max(panel => panel.Picture.Height);
        var size = Math.Clamp(height / 30.0, 9.5, 16); // height of capitals
        var widths = panels.Select(panel => Math.Max(panel.Picture.Width, NarrowestPanel)).ToArray();
        var caption = panels.Any(panel => panel.Caption.Length > 0) ? (int)Math.Ceiling(size * 2) : 0;
        var canvas = new Canvas(
            2 * Margin + widths.Sum() + Gap * (panels.Count - 1) + (bar is null ? 0 : Gap + bar.Width(size)),
            2 * Margin + height + caption,
            Paper
        );
        var x = Margin;
        for (var i = 0; i < panels.Count; i++)
        {
            var picture = panels[i].Picture;
            var left = x + (widths[i] - picture.Width) / 2;
            canvas.Paste(picture, left, Margin + (height - picture.Height) / 2);
            var text = new Lettering(panels[i].Caption, size).Fit(widths[i]);
            text.Draw(canvas, x + (widths[i] - text.Width) / 2, Margin + height + size * 0.75, Ink);
            x += widths[i] + Gap;
        }
        bar?.Draw(canvas, x, Margin, height, size, Ink);
        return canvas.Image;
    }
}
