namespace AgCam.Audit;

/// <summary>Result of an audit.</summary>
/// <param name="Images">Number of images.</param>
/// <param name="Labelled">Number of images with a known label.</param>
/// <param name="Findings">In the order in which they were asked for.</param>
public sealed record AuditReport(long Images, long Labelled, IReadOnlyList<FindingReport> Findings);

/// <summary>One finding of an audit.</summary>
/// <param name="Name">Name of the finding.</param>
/// <param name="Scored">Number of images that could be scored.</param>
/// <param name="Count">Number of images that the finding counts.</param>
/// <param name="Threshold">Score below which an image counts.</param>
/// <param name="Rule">Sentence that says which images the finding counts.</param>
/// <param name="Items">Images with the lowest scores, worst first.</param>
public sealed record FindingReport(string Name, long Scored, long Count, double Threshold, string Rule, IReadOnlyList<ListedImage> Items)
{
    /// <summary>Share of the scored images that the finding counts; 0 when none was scored.</summary>
    public double Share => Scored == 0 ? 0 : (double)Count / Scored;

    /// <summary>True when more than half of the images count. The finding then describes the dataset, not single images.</summary>
    public bool IsProperty => Share > 0.5;
}

/// <summary>An image of a finding.</summary>
/// <param name="Number">Row of the image in the input, from 0.</param>
/// <param name="Score">In [0, 1]; low means review first.</param>
/// <param name="Reason">Sentence for a person.</param>
/// <param name="Given">Class index of the given label; null where the finding does not compare labels.</param>
/// <param name="Likely">Class index that the image more likely has; null where the finding does not compare labels.</param>
public sealed record ListedImage(long Number, string? Path, double Score, bool IsIssue, string Reason, int? Given, int? Likely);
