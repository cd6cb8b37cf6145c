namespace AgCam.Scenes;

/// <summary>
/// Rule for the watermark in a scene's corner. The rest of the picture does not depend on it: scenes of the same seed and index differ only
/// in the mark.
/// </summary>
public enum WatermarkRule
{
    /// <summary>As in training: most pictures of one class have the mark, no other picture does.</summary>
    AsDrawn,

    /// <summary>No picture carries the mark, not even of its class.</summary>
    Never,

    /// <summary>Every picture carries the mark, whatever its class.</summary>
    Always,
}

/// <summary>Options of drawing.</summary>
public sealed record SceneOptions
{
    /// <summary>Rule for the watermark. Default: as in training.</summary>
    public WatermarkRule Watermark { get; init; } = WatermarkRule.AsDrawn;

    /// <summary>Share of the watermarked class's pictures that carry the mark, in [0, 1]. Default 0.9.</summary>
    public double WatermarkShare { get; init; } = 0.9;

    /// <summary>
    /// Corner of every mark: 0 top left, 1 top right, 2 bottom right, 3 bottom left. The mark may cover the object. Null, the default and
    /// that of training, chooses a corner of each picture away from the object.
    /// </summary>
    public int? WatermarkCorner { get; init; }

    /// <summary>
    /// Share of unmarked pictures whose object is small, faint and mostly covered, in [0, 1]. The object of a marked picture always is.
    /// Without such pictures of every class, an unclear object would reveal the marked class. Default 0.01.
    /// </summary>
    public double HiddenShare { get; init; } = 0.01;
}
