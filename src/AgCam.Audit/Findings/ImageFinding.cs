namespace AgCam.Audit.Findings;

/// <summary>Scores single images, after a pass that gathers statistics of all of them.</summary>
public abstract class ImageFinding : Finding
{
    public sealed override FindingLevel Level => FindingLevel.Image;

    /// <summary>Score below which an image counts as an issue.</summary>
    public abstract double Threshold { get; }

    /// <summary>
    /// Returns the patches that an image is counted for, when the finding is about a fixed place. A class with many such images becomes a
    /// candidate. Null for other findings.
    /// </summary>
    public virtual IReadOnlyList<(int Row, int Column)>? Patches(int rows, int columns) => null;

    /// <summary>Returns the image's score; null when the image lacks what the finding needs.</summary>
    public abstract ImageScore? Score(AuditRow row);

    /// <summary>Returns a sentence that explains the image's score to a person.</summary>
    /// <param name="row">A row that has a score.</param>
    /// <param name="classes">Names of the classes.</param>
    public abstract string Explain(AuditRow row, ClassNames classes);
}

/// <summary>Scores an image by what is known of it alone, so that no statistics are gathered.</summary>
public abstract class SingleImageFinding : ImageFinding
{
    public sealed override void Fit(AuditRow row) { }

    public sealed override void Merge(Finding other) { }
}

/// <param name="Value">In [0, 1]; low means review first.</param>
/// <param name="IsIssue">True when the finding counts the image.</param>
/// <param name="Likely">Class index that the image more likely has; null where the finding does not compare labels.</param>
public readonly record struct ImageScore(double Value, bool IsIssue, int? Likely = null);
