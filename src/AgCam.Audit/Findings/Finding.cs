namespace AgCam.Audit.Findings;

/// <summary>What a finding is about.</summary>
public enum FindingLevel
{
    Image,
    Group,
    Class,
    Dataset,
}

/// <summary>
/// One question about a dataset. <see cref="Fit"/> gathers statistics of all images. Statistics of shards are merged; the result does not
/// depend on how the images are split or ordered.
/// </summary>
public abstract class Finding
{
    /// <summary>Name in options, files and JSON.</summary>
    public abstract string Name { get; }

    public abstract FindingLevel Level { get; }

    /// <summary>What an image must have to be judged, such as "labels and predictions".</summary>
    public abstract string Needs { get; }

    /// <summary>Sentence that says what the finding counts.</summary>
    public abstract string Rule { get; }

    /// <summary>Adds an image to the statistics.</summary>
    public abstract void Fit(AuditRow row);

    /// <summary>Adds the statistics of a finding of the same kind.</summary>
    public abstract void Merge(Finding other);
}

/// <summary>Finds groups of images after a pass over all of them.</summary>
public abstract class GroupFinding : Finding
{
    private IReadOnlyList<FoundGroup>? _groups;

    public sealed override FindingLevel Level => FindingLevel.Group;

    /// <summary>Number of images that could be compared.</summary>
    public abstract long Compared { get; }

    /// <summary>Returns whether the image has what the finding compares.</summary>
    public abstract bool IsComparable(AuditRow row);

    /// <summary>Returns the groups, worst first. Call it after all images were added; later images change nothing.</summary>
    public IReadOnlyList<FoundGroup> Groups() => _groups ??= Find();

    protected abstract IReadOnlyList<FoundGroup> Find();
}

/// <summary>Images that belong together.</summary>
/// <param name="Kind">How: "exact", "re-encoded" or "near".</param>
/// <param name="Score">In [0, 1]; low means review first.</param>
/// <param name="Numbers">Rows of the images, ascending.</param>
/// <param name="Splits">Splits of the images, each once, in ordinal order. Empty where the finding ignores splits.</param>
public sealed record FoundGroup(string Kind, double Score, IReadOnlyList<long> Numbers, IReadOnlyList<string> Splits);

/// <summary>Judges classes after a pass over all images.</summary>
public abstract class ClassFinding : Finding
{
    public sealed override FindingLevel Level => FindingLevel.Class;

    /// <summary>Returns every class that could be judged, worst first. Call it after all images were added.</summary>
    public abstract IReadOnlyList<FoundClass> Classes(ClassNames classes);
}

/// <summary>Judgement of a class.</summary>
/// <param name="Class">Index of the class.</param>
/// <param name="Score">In [0, 1]; low means review first.</param>
/// <param name="IsIssue">True when the finding counts the class.</param>
/// <param name="Reason">Sentence for a person.</param>
public sealed record FoundClass(int Class, double Score, bool IsIssue, string Reason)
{
    /// <summary>Probability of such a value by chance, corrected for the number of tests; null where nothing is tested.</summary>
    public double? PValue { get; init; }

    /// <summary>Patches of the model's grid that stand out, as row and column from 0.</summary>
    public IReadOnlyList<(int Row, int Column)> Patches { get; init; } = [];

    /// <summary>True when the class is suspected of a shortcut at <see cref="Patches"/>. An intervention can confirm it.</summary>
    public bool IsCandidate { get; init; }

    /// <summary>Rows of images to look at first.</summary>
    public IReadOnlyList<long> Examples { get; init; } = [];
}
