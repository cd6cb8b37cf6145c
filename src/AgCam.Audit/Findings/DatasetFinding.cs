namespace AgCam.Audit.Findings;

/// <summary>Judges parts of a dataset after a pass over all images.</summary>
public abstract class DatasetFinding : Finding
{
    public sealed override FindingLevel Level => FindingLevel.Dataset;

    /// <summary>Returns every slice that could be judged, worst first. Call it after all images were added.</summary>
    public abstract IReadOnlyList<FoundSlice> Slices();
}

/// <summary>Judgement of the images with one value of a metadata column.</summary>
/// <param name="Column">Name of the column.</param>
/// <param name="Images">Number of images with the value.</param>
/// <param name="Score">In [0, 1]; low means review first.</param>
/// <param name="IsIssue">True when the finding counts the slice.</param>
/// <param name="Reason">Sentence for a person.</param>
public sealed record FoundSlice(string Column, string Value, long Images, double Score, bool IsIssue, string Reason)
{
    public IReadOnlyList<SliceMeasure> Measures { get; init; } = [];

    /// <summary>Rows of images to look at first.</summary>
    public IReadOnlyList<long> Examples { get; init; } = [];
}

/// <summary>One measure of a slice beside that of the images with other values of the column.</summary>
/// <param name="Name">"accuracy", "labelScore" or "heatInBoxes".</param>
public sealed record SliceMeasure(string Name, Estimate Slice, Estimate Rest);
