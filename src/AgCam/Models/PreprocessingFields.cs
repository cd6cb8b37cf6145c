using AgCam.Preprocessing;

namespace AgCam.Models;

/// <summary>Preprocessing as a checkpoint describes it, possibly incomplete.</summary>
internal sealed record PreprocessingFields
{
    private const int MaxResizedSide = 16_384;

    public int? Height { get; init; }

    public int? Width { get; init; }

    public CropMode? CropMode { get; init; }

    /// <summary>Fraction of the resized image that the crop keeps (timm).</summary>
    public double? CropPct { get; init; }

    /// <summary>Side to which the image is resized before the crop (Hugging Face).</summary>
    public int? ResizeTo { get; init; }

    public Interpolation? Interpolation { get; init; }

    /// <summary>Interpolation for a centre crop to an oblong input, where it differs: timm always uses bilinear.</summary>
    public Interpolation? OblongInterpolation { get; init; }

    public CropRounding CropRounding { get; init; }

    public IReadOnlyList<float>? Mean { get; init; }

    public IReadOnlyList<float>? Std { get; init; }

    /// <summary>Reason why the checkpoint's preprocessing cannot be reproduced; null when it can.</summary>
    public string? Unsupported { get; init; }

    /// <summary>Returns these fields with the options applied. Another crop mode does not inherit the crop fraction.</summary>
    public PreprocessingFields Under(CheckpointOptions options)
    {
        var sameMode = options.CropMode is null || options.CropMode == CropMode;
        var resized = this with
        {
            Height = options.ImageSize ?? Height,
            Width = options.ImageSize ?? Width,
            CropMode = options.CropMode ?? CropMode,
            CropPct = options.CropPct ?? (sameMode ? CropPct : null),
            ResizeTo = options.CropPct is null && sameMode ? ResizeTo : null,
            Interpolation = options.Interpolation ?? Interpolation,
            OblongInterpolation = options.Interpolation ?? OblongInterpolation,
            Mean = options.Mean ?? Mean,
            Std = options.Std ?? Std,
        };
        // ResizeTo scales with the input size.
        return resized is { ResizeTo: { } side, Height: { } height } && Height is > 0 and { } own && own != height
            ? resized with
            {
                ResizeTo = (int)Math.Min((long)side * height / own, int.MaxValue),
            }
            : resized;
    }

    /// <exception cref="ModelException">no-preprocessing; the message lists every missing option.</exception>
    public PreprocessingOptions Complete(string model)
    {
        if (Unsupported is not null)
            throw new ModelException(ModelFailure.UnsupportedPreprocessing, $"{model}: {Unsupported}");
        var missing = new List<string>();
        Require(Height ?? Width, "CheckpointOptions.ImageSize");
        Require(CropMode, "CheckpointOptions.CropMode (squash, center or border)");
        var crops = CropMode is Preprocessing.CropMode.Center or Preprocessing.CropMode.Border;
        Require(crops && CropPct is null && ResizeTo is null ? null : "", "CheckpointOptions.CropPct");
        Require(Interpolation, "CheckpointOptions.Interpolation (bilinear, bicubic, ...)");
        Require(Mean, "CheckpointOptions.Mean");
        Require(Std, "CheckpointOptions.Std");
        if (missing.Count > 0)
            throw new ModelException(
                ModelFailure.NoPreprocessing,
                $"{model} does not define its preprocessing, and a guess would change every result. " + $"Add {string.Join(", ", missing)}."
            );
        var (height, width) = (Side(Height!.Value, 8_192), Side(Width!.Value, 8_192));
        var isOblongCrop = CropMode == Preprocessing.CropMode.Center && height != width;
        return new PreprocessingOptions
        {
            InputHeight = height,
            InputWidth = width,
            CropMode = CropMode!.Value,
            ResizeHeight = Resized(height),
            ResizeWidth = Resized(width),
            Interpolation = (isOblongCrop ? OblongInterpolation : null) ?? Interpolation!.Value,
            CropRounding = CropRounding,
            Mean = Channels(Mean!, "CheckpointOptions.Mean", zeroAllowed: true),
            Std = Channels(Std!, "CheckpointOptions.Std", zeroAllowed: false),
        };

        void Require(object? value, string option)
        {
            if (value is null)
                missing.Add(option);
        }
    }

    /// <summary>Returns the side before the crop to <paramref name="side"/>; 0 without a crop.</summary>
    private int Resized(int side)
    {
        if (ResizeTo is { } named)
            return Side(named, MaxResizedSide);
        if (CropPct is not { } share || share == 1)
            return 0;
        return share is > 0 and < 1
            ? Side((int)Math.Min(Math.Floor(side / share), int.MaxValue), MaxResizedSide) // as timm: 224 / 0.9 -> 248
            : throw new ModelException(
                ModelFailure.BadConfiguration,
                $"A crop_pct of {share} is out of range. Give CheckpointOptions.CropPct above 0 and at most 1."
            );
    }

    private static int Side(int pixels, int maximum) =>
        pixels > 0 && pixels <= maximum
            ? pixels
            : throw new ModelException(
                ModelFailure.BadConfiguration,
                $"A side of {pixels} pixels is out of range. It must be 1 to {maximum}."
            );

    private static IReadOnlyList<float> Channels(IReadOnlyList<float> values, string option, bool zeroAllowed) =>
        values.Count == 3 && values.All(float.IsFinite) && (zeroAllowed || values.All(value => value > 0))
            ? values
            : throw new ModelException(
                ModelFailure.BadConfiguration,
                $"{option} needs three {(zeroAllowed ? "" : "positive ")}numbers for red, green and blue, in the range 0 to 1."
            );
}
