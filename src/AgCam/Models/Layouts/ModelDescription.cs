namespace AgCam.Models.Layouts;

/// <summary>Contents of a checkpoint's configuration files.</summary>
internal sealed record ModelDescription(ViTConfig Config, PreprocessingFields Preprocessing)
{
    public IReadOnlyList<string>? ClassNames { get; init; }

    public IReadOnlyList<string>? WordNetIds { get; init; }

    /// <summary>True when the weights' tag names a fine-tuning for classification.</summary>
    public bool IsFineTuned { get; init; }
}
