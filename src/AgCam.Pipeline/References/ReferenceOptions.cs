using AgCam.Images;

namespace AgCam.Pipeline.References;

/// <summary>Where images may be read from. Nothing is allowed that is not named.</summary>
public sealed record ReferenceOptions
{
    /// <summary>Folders; files at any depth below them may be read. None by default.</summary>
    public IReadOnlyList<string> Roots { get; init; } = [];

    public ImageLimits Limits { get; init; } = ImageLimits.Default;
}
