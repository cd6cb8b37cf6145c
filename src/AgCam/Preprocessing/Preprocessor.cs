using System.ComponentModel.DataAnnotations;
using AgCam.Heatmaps;
using AgCam.Images;

namespace AgCam.Preprocessing;

/// <summary>
/// Prepares an image for the model: resized and cropped as in the checkpoint's evaluation, with the transform to the original. Sizes and
/// offsets follow torchvision and timm; pixels equal Pillow's. Thread-safe.
/// </summary>
public sealed class Preprocessor
{
    private readonly float[] _levels; // [3, 256], the normalised value of every level of every channel
    private readonly byte[] _fill;

    /// <exception cref="ValidationException">An option is out of its range.</exception>
    public Preprocessor(PreprocessingOptions options)
    {
        Validator.ValidateObject(options, new ValidationContext(options), validateAllProperties: true);
        if (options.Mean.Count != 3 || options.Std.Count != 3)
            throw new ValidationException($"Mean and Std need three values each, not {options.Mean.Count} and {options.Std.Count}.");
        if (!options.Mean.All(float.IsFinite) || !options.Std.All(std => float.IsFinite(std) && std > 0))
            throw new ValidationException("Mean must be finite and Std finite and above 0.");

        Options = options;
        _levels = new float[3 * 256];
        for (int i = 0; i < _levels.Length; i++)
            _levels[i] = (((i % 256) / 255f) - options.Mean[i / 256]) / options.Std[i / 256];
        // torchvision pads an image smaller than its crop with black; timm's border mode with the mean
        _fill =
            options.CropMode == CropMode.Border
                ? [.. options.Mean.Select(mean => (byte)Math.Clamp(Math.Round(255.0 * mean), 0, 255))]
                : [0, 0, 0];
    }

    public PreprocessingOptions Options { get; }

    /// <summary>Bytes of a prepared image: height x width x 3.</summary>
    public int PreparedBytes => Options.InputHeight * Options.InputWidth * 3;

    public PreparedImage Apply(RgbImage image)
    {
        var pixels = new byte[PreparedBytes];
        var transform = Apply(image, pixels);
        return new PreparedImage(pixels, Options.InputWidth, Options.InputHeight, transform);
    }

    /// <summary>Prepares an image in place, e.g. as an entry of a batch.</summary>
    /// <param name="destination">[height, width, 3] of the input, fully overwritten.</param>
    /// <exception cref="ArgumentException">The destination's length is not <see cref="PreparedBytes"/>.</exception>
    public InputTransform Apply(RgbImage image, Span<byte> destination)
    {
        if (destination.Length != PreparedBytes)
            throw new ArgumentException($"The destination must hold {PreparedBytes} bytes, not {destination.Length}.", nameof(destination));

        var geometry = Geometry.Of(Options, image.Width, image.Height);
        int left = (int)Math.Max(0, -geometry.X);
        int top = (int)Math.Max(0, -geometry.Y);
        long x = Math.Max(0, geometry.X);
        long y = Math.Max(0, geometry.Y);
        var window = new PixelWindow(
            x,
            y,
            (int)Math.Min(Options.InputWidth, geometry.Width - x),
            (int)Math.Min(Options.InputHeight, geometry.Height - y)
        );

        if (window.Width < Options.InputWidth || window.Height < Options.InputHeight)
            Fill(destination);
        int stride = Options.InputWidth * 3;
        Resampling.Resize(
            image,
            geometry.Width,
            geometry.Height,
            window,
            Options.Interpolation,
            destination[((top * stride) + (left * 3))..],
            stride
        );
        return Transform(geometry, image.Width, image.Height);
    }

    /// <summary>Returns the transform for an image of the given size, without the image.</summary>
    public static InputTransform TransformOf(PreprocessingOptions options, int width, int height) =>
        Transform(Geometry.Of(options, width, height), width, height);

    /// <summary>
    /// Returns the rectangle of an image of the given size that the model's input covers, in the image's pixels: smaller after a crop,
    /// larger after padding.
    /// </summary>
    public static BoundingBox MapArea(PreprocessingOptions options, int width, int height)
    {
        var transform = TransformOf(options, width, height);
        var (left, top) = transform.ToOriginal(0, 0);
        return new BoundingBox(left, top, options.InputWidth * transform.ScaleX, options.InputHeight * transform.ScaleY);
    }

    private static InputTransform Transform(Geometry geometry, int width, int height) =>
        new((double)width / geometry.Width, (double)height / geometry.Height, geometry.X, geometry.Y, width, height);

    /// <summary>Normalises each channel in float32: (level / 255 - mean) / std.</summary>
    /// <param name="hwc">[height, width, 3]</param>
    /// <param name="chw">[3, height, width]</param>
    /// <exception cref="ArgumentException">The lengths differ, or are not a multiple of three.</exception>
    public void Normalize(ReadOnlySpan<byte> hwc, Span<float> chw)
    {
        if (hwc.Length % 3 != 0 || chw.Length != hwc.Length)
            throw new ArgumentException($"{hwc.Length} bytes of RGB do not fit {chw.Length} floats.", nameof(chw));

        int plane = hwc.Length / 3;
        for (int channel = 0; channel < 3; channel++)
        {
            var levels = _levels.AsSpan(channel * 256, 256);
            var target = chw.Slice(channel * plane, plane);
            for (int i = 0, at = channel; i < target.Length; i++, at += 3)
                target[i] = levels[hwc[at]];
        }
    }

    private void Fill(Span<byte> destination)
    {
        if (_fill is [0, 0, 0])
            destination.Clear();
        else
            for (int i = 0; i < destination.Length; i++)
                destination[i] = _fill[i % 3];
    }
}
