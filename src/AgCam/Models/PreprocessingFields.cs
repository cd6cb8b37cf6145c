using AgCam.Preprocessing;

namespace AgCam.Models;

/// <summary>What a checkpoint says about its preprocessing, before options overrule it and before it is known to be complete.</summary>
internal sealed record PreprocessingFields
{
    public int? Height { get; init; }

    public int? Width { get; init; }

    public CropMode? CropMode { get; init; }

    /// <summary>Share of the resized image that the crop keeps, as timm says it.</summary>
    public double? CropPct { get; init; }

    /// <summary>Side that the image is resized to before the crop, as Hugging Face says it.</summary>
    public int? ResizeTo { get; init; }

    public Interpolation? Interpolation { get; init; }

    public IReadOnlyList<float>? Mean { get; init; }

    public IReadOnlyList<float>? Std { get; init; }

    /// <summary>Set where the checkpoint's preprocessing cannot be reproduced: the reason.</summary>
    public string? Unsupported { get; init; }

    /// <exception cref="ModelException">no-preprocessing, with every option that is missing.</exception>
    public PreprocessingOptions Complete(CheckpointOptions options, string model)
    {
        var mode = options.CropMode ?? CropMode;
        var cropPct = options.CropPct ?? CropPct;
        var interpolation = options.Interpolation ?? Interpolation;
        var (mean, std) = (options.Mean ?? Mean, options.Std ?? Std);
        var (height, width) = (options.ImageSize ?? Height, options.ImageSize ?? Width);
        var needsCropPct = mode is Preprocessing.CropMode.Center or Preprocessing.CropMode.Border && cropPct is null && ResizeTo is null;

        var missing = new List<string>();
        Require(height, "--image-size");
        Require(mode, "--crop-mode (squash, center or border)");
        Require(needsCropPct ? null : "", "--crop-pct");
        Require(interpolation, "--interpolation (bilinear, bicubic, ...)");
        Require(mean, "--mean");
        Require(std, "--std");
        if (missing.Count > 0)
            throw new ModelException(ModelFailure.NoPreprocessing,
                $"{model} does not say how images are prepared for it, and a guess would change every result. Add {string.Join(", ", missing)}.");
        if (Unsupported is not null && options.CropMode is null)
            throw new ModelException(ModelFailure.UnsupportedPreprocessing, $"{model}: {Unsupported} To prepare images in another way, give --crop-mode.");
        return new PreprocessingOptions
        {
            InputHeight = Check(height!.Value, "--image-size"),
            InputWidth = Check(width!.Value, "--image-size"),
            CropMode = mode!.Value,
            ResizeTo = Side(mode.Value, Math.Min(height.Value, width.Value), options.CropPct, cropPct),
            Interpolation = interpolation!.Value,
            Mean = Channels(mean!, "--mean", zeroAllowed: true),
            Std = Channels(std!, "--std", zeroAllowed: false),
        };

        void Require(object? value, string option)
        {
            if (value is null)
                missing.Add(option);
        }
    }

    private int Side(CropMode mode, int input, double? givenCropPct, double? cropPct)
    {
        if (mode == Preprocessing.CropMode.Squash)
            return 0;
        // A checkpoint that names the side keeps its proportion to the input when another input size is asked for.
        if (givenCropPct is null && ResizeTo is { } side)
            return input == Math.Min(Height ?? input, Width ?? input) ? side : (int)((long)side * input / Math.Min(Height!.Value, Width!.Value));
        if (cropPct is not > 0 or > 1)
            throw new ModelException(ModelFailure.BadConfiguration, $"crop_pct is {cropPct}: give --crop-pct above 0 and at most 1.");
        return (int)Math.Floor(input / cropPct.Value);
    }

    private static int Check(int side, string option) => side is > 0 and <= 8192
        ? side
        : throw new ModelException(ModelFailure.BadConfiguration, $"An input of {side} pixels is out of range: give {option} from 1 to 8192.");

    private static IReadOnlyList<float> Channels(IReadOnlyList<float> values, string option, bool zeroAllowed) =>
        values.Count == 3 && values.All(float.IsFinite) && (zeroAllowed || values.All(value => value > 0))
            ? values
            : throw new ModelException(ModelFailure.BadConfiguration, $"{option} needs three {(zeroAllowed ? "" : "positive ")}numbers for red, green and blue, in the range 0 to 1.");
}
