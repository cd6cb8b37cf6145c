using AgCam.Preprocessing;

namespace AgCam.Models;

/// <summary>
/// What a person adds to a checkpoint, or overrules. Everything is optional: null leaves it to the checkpoint, and what neither gives is
/// an error, never a guess.
/// </summary>
public sealed record CheckpointOptions
{
    /// <summary>timm's or torchvision's name (--arch); needed for a safetensors file without a config.json.</summary>
    public string? Architecture { get; init; }

    /// <summary>Attention heads (--heads), for a model whose width is not the named architecture's: weights do not tell them.</summary>
    public int? Heads { get; init; }

    /// <summary>Blocks (--depth), for a file whose depth is not the named architecture's.</summary>
    public int? Depth { get; init; }

    /// <summary>Input side in pixels (--image-size). Other than the checkpoint's own: position embeddings are resized.</summary>
    public int? ImageSize { get; init; }

    /// <summary>Mean of red, green, blue in [0, 1] (--mean).</summary>
    public IReadOnlyList<float>? Mean { get; init; }

    /// <summary>Standard deviation of red, green, blue (--std).</summary>
    public IReadOnlyList<float>? Std { get; init; }

    /// <summary>Share of the resized image that the centre crop keeps (--crop-pct), in (0, 1].</summary>
    public double? CropPct { get; init; }

    /// <summary>Where it differs from the checkpoint's, the checkpoint's crop share is dropped: squash then crops nothing.</summary>
    public CropMode? CropMode { get; init; }

    public Interpolation? Interpolation { get; init; }

    /// <summary>Class names in the order of the model's outputs (--classes).</summary>
    public IReadOnlyList<string>? ClassNames { get; init; }

    /// <summary>
    /// Open models whose classifier reads the mean of the patches too. Only agcam-pooled explains them: the paper's method, which
    /// follows the
    /// class token, would give an all-zero map. Default false: they are refused with that reason.
    /// </summary>
    public bool Pooled { get; init; }

    /// <summary>The name under which the model is recorded. Default: the folder's or file's own.</summary>
    public string? Id { get; init; }
}
