namespace AgCam.Audit.Findings;

/// <summary>
/// Scores single images in two passes: <see cref="Fit"/> gathers statistics of all images, <see cref="Score"/> ranks each of them.
/// Statistics of shards are merged; the result does not depend on how the images are split or ordered.
/// </summary>
public abstract class ImageFinding
{
    /// <summary>Name in options, files and JSON.</summary>
    public abstract string Name { get; }

    /// <summary>Score below which an image counts as an issue.</summary>
    public abstract double Threshold { get; }

    /// <summary>Sentence that says which images the finding counts.</summary>
    public abstract string Rule { get; }

    /// <summary>Adds an image to the statistics.</summary>
    public abstract void Fit(AuditRow row);

    /// <summary>Adds the statistics of a finding of the same kind.</summary>
    public abstract void Merge(ImageFinding other);

    /// <summary>Returns the image's score; null when the image lacks what the finding needs.</summary>
    public abstract ImageScore? Score(AuditRow row);

    /// <summary>Returns a sentence that explains the image's score to a person.</summary>
    /// <param name="row">A row that has a score.</param>
    /// <param name="classes">Names of the classes.</param>
    public abstract string Explain(AuditRow row, ClassNames classes);
}

/// <param name="Value">In [0, 1]; low means review first.</param>
/// <param name="IsIssue">True when the finding counts the image.</param>
/// <param name="Likely">Class index that the image more likely has; null where the finding does not compare labels.</param>
public readonly record struct ImageScore(double Value, bool IsIssue, int? Likely = null);
