using AgCam.Evaluation.Datasets.Masks;
using AgCam.Images;
using AgCam.Preprocessing;

namespace AgCam.Evaluation;

/// <summary>An image's masks, together, at the model's input size.</summary>
internal static class ObjectPixels
{
    /// <summary>Each input pixel takes what the masks say of the original pixel under its centre; padding is background.</summary>
    /// <returns>[input height, input width], row-major; null where the masks mark no pixel of the input.</returns>
    /// <exception cref="FormatException">A mask does not fit the image.</exception>
    /// <exception cref="ImageException">A mask cannot be read.</exception>
    public static MaskPixel[]? Draw(IReadOnlyList<ObjectMask> masks, PreparedImage image, ImageLimits limits, IFileReader files)
    {
        var (width, height) = (image.Transform.OriginalWidth, image.Transform.OriginalHeight);
        var original = new MaskPixel[width * height];
        foreach (var mask in masks)
            mask.Draw(original, width, height, limits, files);
        var input = new MaskPixel[image.Width * image.Height];
        for (var y = 0; y < image.Height; y++)
        for (var x = 0; x < image.Width; x++)
        {
            var (fromX, fromY) = image.Transform.ToOriginal(x + 0.5, y + 0.5);
            if (fromX >= 0 && fromX < width && fromY >= 0 && fromY < height)
                input[(y * image.Width) + x] = original[((int)fromY * width) + (int)fromX];
        }

        return input.Contains(MaskPixel.Object) ? input : null;
    }
}
