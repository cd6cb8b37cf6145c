using System.Globalization;
using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Preprocessing;

namespace AgCam.Worker.Interventions;

/// <summary>Draws the images of an intervention side by side, with their predictions.</summary>
public static class InterventionPicture
{
    private const int PanelSide = 192;

    /// <summary>Draws original, heat, erased, another image, and that image with the patches pasted in.</summary>
    public static RgbImage Draw(InterventionExample example)
    {
        var image = example.Original.Image;
        var (width, height) = PictureScaling.Fit(image.Width, image.Height, PanelSide);
        var photo = Scaled(image);
        var heat = example.Map.Upsample(height, width).Normalize();
        return Strip.Compose([
            new Panel(photo, Caption("", example.Original)),
            new Panel(Overlay.Blend(photo, heat, new BoundingBox(0, 0, width, height)), "heat"),
            new Panel(Scaled(example.Erased.Image), Caption("erased: ", example.Erased)),
            new Panel(Scaled(example.Other.Image), Caption("", example.Other)),
            new Panel(Scaled(example.Pasted.Image), Caption("pasted: ", example.Pasted)),
        ]);

        RgbImage Scaled(PreparedImage prepared) =>
            PictureScaling.Resize(new RgbImage(prepared.Width, prepared.Height, prepared.Pixels), width, height);
    }

    private static string Caption(string text, ShownImage shown) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{text}{shown.Prediction.Name ?? $"class {shown.Prediction.Class}"} {shown.Prediction.Probability:0.00}"
        );
}
