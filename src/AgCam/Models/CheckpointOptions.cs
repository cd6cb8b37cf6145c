using AgCam.Preprocessing;

namespace AgCam.Models;

/// <summary>
/// Options that complete or override a checkpoint's configuration. Null keeps the checkpoint's value. A value that neither gives is an
/// error, never a guess.
/// </summary>
public sealed record CheckpointOptions
{
    /// <summary>Name of a timm or torchvision model (--arch); required for a safetensors file without a config.json.</summary>
    public string? Architecture { get; init; }

    /// <summary>
    /// Number of attention heads (--heads), for a model of another width than the named architecture. The weights do not contain it.
    /// </summary>
    public int? Heads { get; init; }

    /// <summary>Number of blocks (--depth), for a model of another depth than the named architecture.</summary>
    public int? Depth { get; init; }

    /// <summary>Input side in pixels (--image-size). Position embeddings are resized to it.</summary>
    public int? ImageSize { get; init; }

    /// <summary>Mean of red, green, blue in [0, 1] (--mean).</summary>
    public IReadOnlyList<float>? Mean { get; init; }

    /// <summary>Standard deviation of red, green, blue (--std).</summary>
    public IReadOnlyList<float>? Std { get; init; }

    /// <summary>Fraction of the resized image that the centre crop keeps (--crop-pct), in (0, 1].</summary>
    public double? CropPct { get; init; }

    /// <summary>Crop mode (--crop-mode). A mode other than the checkpoint's drops the checkpoint's crop fraction.</summary>
    public CropMode? CropMode { get; init; }

    /// <summary>Resampling filter (--interpolation).</summary>
    public Interpolation? Interpolation { get; init; }

    /// <summary>Class names in the order of the model's outputs (--classes).</summary>
    public IReadOnlyList<string>? ClassNames { get; init; }

    /// <summary>
    /// Also open models whose classifier reads the mean of the patches. Only agcam-pooled explains them: the paper's method follows the
    /// class token and would return an all-zero map. Default false: such models are refused.
    /// </summary>
    public bool Pooled { get; init; }

    /// <summary>Name under which the model is recorded. Default: the name of the folder or file.</summary>
    public string? Id { get; init; }
}
