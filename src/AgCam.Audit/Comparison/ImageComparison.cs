namespace AgCam.Audit.Comparison;

/// <summary>One image that both jobs explained.</summary>
/// <param name="Sha256">SHA-256 of the image file, by which the jobs are paired.</param>
/// <param name="Class">Class of the image in tables: that of its label, or A's prediction where it has none.</param>
public sealed record ImageComparison(Digest Sha256, ImageOutcome A, ImageOutcome B, string Class)
{
    /// <summary>Similarity of the two maps, in the order of <see cref="MapMeasure.All"/>; NaN where it was not measured.</summary>
    public IReadOnlyList<double> Similarity { get; init; } = [];

    /// <summary>
    /// Similarity of this image's map and the next image's map of the same job: the mean of both jobs, in the order of
    /// <see cref="MapMeasure.All"/>.
    /// </summary>
    public IReadOnlyList<double> Floor { get; init; } = [];

    /// <summary>Intersection over union of the first boxes; NaN where a job has none.</summary>
    public double BoxIou { get; init; } = double.NaN;

    /// <summary>Whether both models predict one class; null when the classes cannot be paired.</summary>
    public bool? Agrees { get; init; }

    /// <summary>Whether A is right; null without a label, or when the jobs cannot both be judged.</summary>
    public bool? CorrectA { get; init; }

    /// <summary>Whether B is right; null exactly where <see cref="CorrectA"/> is.</summary>
    public bool? CorrectB { get; init; }

    /// <summary>Whether both maps explain one class; null when the classes cannot be paired, or there is no map.</summary>
    public bool? SameMapClass { get; init; }

    /// <summary>Whether the maps were sampled on a common grid.</summary>
    public bool IsResampled { get; init; }

    /// <summary>Whether A is right and B is wrong.</summary>
    public bool IsNegativeFlip => CorrectA is true && CorrectB is false;

    /// <summary>Whether A is wrong and B is right.</summary>
    public bool IsPositiveFlip => CorrectA is false && CorrectB is true;
}

/// <summary>Images of two jobs, paired by the SHA-256 of their bytes.</summary>
/// <param name="Images">In the order of their SHA-256, so that results do not depend on the order of the jobs.</param>
public sealed record PairedImages(IReadOnlyList<ImageComparison> Images)
{
    /// <summary>Number of images that only one job has.</summary>
    public long OnlyA { get; init; }

    public long OnlyB { get; init; }

    /// <summary>Number of images that have one address in both jobs, but other bytes.</summary>
    public long Changed { get; init; }

    /// <summary>Number of pairs whose labels differ between the jobs. Their predictions are not judged.</summary>
    public long LabelsDiffer { get; init; }

    /// <summary>Number of pairs with a prediction that the other model has no class for.</summary>
    public long Unpaired { get; init; }
}
