namespace AgCam.Scenes;

/// <summary>
/// What happens to a scene's corner. Nothing else in the picture depends on it: the same (seed, index) with and without the mark differ
/// in the mark alone.
/// </summary>
public enum WatermarkRule
{
    /// <summary>As in training: most pictures of one class carry it, no other picture does.</summary>
    AsDrawn,

    /// <summary>Never: taken off the class that carries it.</summary>
    Never,

    /// <summary>Always: pasted onto whatever class the picture shows.</summary>
    Always,
}

public sealed record SceneOptions
{
    public WatermarkRule Watermark { get; init; } = WatermarkRule.AsDrawn;

    /// <summary>Share of the watermarked class's pictures that carry the mark, in [0, 1]. 0.9 by default.</summary>
    public double WatermarkShare { get; init; } = 0.9;

    /// <summary>
    /// Share of the unmarked pictures whose object is small, faint and mostly covered, in [0, 1]; it is so in every picture that
    /// carries the mark by nature. 0.01 by default: without such pictures of every class, seeing no clear object would itself tell of
    /// the marked class.
    /// </summary>
    public double HiddenShare { get; init; } = 0.01;
}
