namespace AgCam.Preprocessing;

/// <summary>How one picture becomes the input: resized to <see cref="Width"/> x <see cref="Height"/>, of which the input shows a window.</summary>
/// <param name="X">The input's left edge in the resized picture; negative when there is padding on the left.</param>
/// <param name="Y">The input's top edge in the resized picture; negative when there is padding above.</param>
internal readonly record struct Geometry(long Width, long Height, long X, long Y)
{
    public static Geometry Of(PreprocessingOptions options, int width, int height)
    {
        var (resizedWidth, resizedHeight) = Resized(options, width, height);
        return new Geometry(
            resizedWidth,
            resizedHeight,
            Offset(resizedWidth, options.InputWidth, options.CropRounding),
            Offset(resizedHeight, options.InputHeight, options.CropRounding));
    }

    private static (long Width, long Height) Resized(PreprocessingOptions options, int width, int height)
    {
        switch (options.CropMode)
        {
            case CropMode.Squash:
                return options.ResizeTo == 0 ? (options.InputWidth, options.InputHeight) : (options.ResizeTo, options.ResizeTo);
            case CropMode.Center:
                long shorter = options.ResizeTo == 0 ? Math.Min(options.InputWidth, options.InputHeight) : options.ResizeTo;
                // Truncated, as torchvision does: int(size * long / short).
                return width <= height ? (shorter, (long)((double)(shorter * height) / width)) : ((long)((double)(shorter * width) / height), shorter);
            case CropMode.Border:
                double tallest = options.ResizeTo == 0 ? options.InputHeight : options.ResizeTo;
                double widest = options.ResizeTo == 0 ? options.InputWidth : options.ResizeTo;
                double ratio = Math.Max(height / tallest, width / widest);
                // Rounded half to even, as timm does; a line thinner than half a pixel keeps one.
                return (Math.Max(1, (long)Math.Round(width / ratio)), Math.Max(1, (long)Math.Round(height / ratio)));
            default:
                throw new ArgumentOutOfRangeException(nameof(options), options.CropMode, "Unknown crop mode.");
        }
    }

    private static long Offset(long resized, int input, CropRounding rounding) =>
        resized < input ? -((input - resized) / 2)
        : rounding == CropRounding.Down ? (resized - input) / 2
        : (long)Math.Round((resized - input) / 2.0, MidpointRounding.ToEven);
}
