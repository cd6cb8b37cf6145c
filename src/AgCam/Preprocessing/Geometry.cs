namespace AgCam.Preprocessing;

/// <summary>Size of the resized image and position of the input in it.</summary>
/// <param name="X">Left edge of the input in the resized image. Negative when there is padding on the left.</param>
/// <param name="Y">Top edge of the input in the resized image. Negative when there is padding above.</param>
internal readonly record struct Geometry(long Width, long Height, long X, long Y)
{
    public static Geometry Of(PreprocessingOptions options, int width, int height)
    {
        var (resizedWidth, resizedHeight) = Resized(options, width, height);
        return new Geometry(
            resizedWidth,
            resizedHeight,
            Offset(resizedWidth, options.InputWidth, options.CropRounding),
            Offset(resizedHeight, options.InputHeight, options.CropRounding)
        );
    }

    private static (long Width, long Height) Resized(PreprocessingOptions options, int width, int height)
    {
        int targetWidth = options.ResizeWidth == 0 ? options.InputWidth : options.ResizeWidth;
        int targetHeight = options.ResizeHeight == 0 ? options.InputHeight : options.ResizeHeight;
        double ratioAcross = (double)width / targetWidth;
        double ratioDown = (double)height / targetHeight;
        return options.CropMode switch
        {
            CropMode.Squash => (targetWidth, targetHeight),
            CropMode.Center when targetWidth == targetHeight => ShorterSide(targetWidth, width, height),
            CropMode.Center => Divided(width, height, Math.Min(ratioAcross, ratioDown)),
            CropMode.Border => Divided(width, height, Math.Max(ratioAcross, ratioDown)),
            _ => throw new ArgumentOutOfRangeException(nameof(options), options.CropMode, "Unknown crop mode."),
        };
    }

    /// <summary>torchvision's Resize with one number truncates the longer side: int(size * long / short).</summary>
    private static (long Width, long Height) ShorterSide(long side, int width, int height) =>
        width <= height ? (side, (long)((double)(side * height) / width)) : ((long)((double)(side * width) / height), side);

    /// <summary>timm's ResizeKeepRatio rounds both sides half to even. A side below half a pixel becomes one pixel.</summary>
    private static (long Width, long Height) Divided(int width, int height, double ratio) =>
        (Math.Max(1, (long)Math.Round(width / ratio)), Math.Max(1, (long)Math.Round(height / ratio)));

    private static long Offset(long resized, int input, CropRounding rounding) =>
        resized < input ? -((input - resized) / 2)
        : rounding == CropRounding.Down ? (resized - input) / 2
        : (long)Math.Round((resized - input) / 2.0, MidpointRounding.ToEven);
}
