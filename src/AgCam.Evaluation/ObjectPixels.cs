using AgCam.Evaluation.Datasets.Masks;
using AgCam.Images;
using AgCam.Preprocessing;

namespace AgCam.Evaluation;

/// <summary>Combines an image's masks at the model's input size.</summary>
internal static class ObjectPixels
{
    /// <summary>Samples for each input pixel the original pixel under its centre. Padding is background.</summary>
    /// <returns>[input height, input width], row-major. Null where no input pixel belongs to the object.</returns>
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
