namespace AgCam.Models.Layouts;

/// <summary>What a checkpoint's configuration files say.</summary>
internal sealed record ModelDescription(ViTConfig Config, PreprocessingFields Preprocessing)
{
    public IReadOnlyList<string>? ClassNames { get; init; }

    public IReadOnlyList<string>? WordNetIds { get; init; }

    /// <summary>The weights' tag says that they were fine-tuned for classification.</summary>
    public bool IsFineTuned { get; init; }
}
