using AgCam.Pipeline.Records;

namespace AgCam.Audit.Comparison;

/// <summary>Result of a comparison of two jobs.</summary>
/// <param name="A">The baseline.</param>
/// <param name="Mode">What was compared.</param>
/// <param name="Metrics">Numbers, in the order of the report.</param>
/// <param name="Classes">One row per class, worst first.</param>
public sealed record ComparisonReport(
    ComparedJob A,
    ComparedJob B,
    ComparisonMode Mode,
    IReadOnlyList<ComparedMetric> Metrics,
    IReadOnlyList<ComparedClass> Classes
)
{
    /// <summary>Number of images that both jobs have.</summary>
    public required long Shared { get; init; }

    public required long OnlyA { get; init; }

    public required long OnlyB { get; init; }

    /// <summary>Images that changed most, the greatest change first.</summary>
    public IReadOnlyList<ImageComparison> Changed { get; init; } = [];

    /// <summary>Sentences about what was left out, resampled or not judged.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}

/// <summary>What a comparison compares.</summary>
public enum ComparisonMode
{
    /// <summary>Two models or methods on the same images, image by image.</summary>
    Paired,

    /// <summary>One model and method on two sets of images: their distributions.</summary>
    Drift,
}

/// <summary>One side of a comparison.</summary>
/// <param name="Images">Number of different images with an explanation.</param>
/// <param name="Failed">Number of images without one.</param>
public sealed record ComparedJob(Guid Job, string Model, Digest Weights, string Method, string Dtype, long Images, long Failed)
{
    public static ComparedJob Of(Job job, JobImages images) =>
        new(job.Id, job.Spec.Model.Id, job.Spec.Model.Sha256, job.Spec.Method, job.Spec.Dtype, images.All.Count, images.Failed);
}

/// <summary>One class of a comparison.</summary>
/// <param name="Images">Number of images; of A in a drift.</param>
/// <param name="Values">Values by the name of their metric; a metric that was not measured is absent.</param>
public sealed record ComparedClass(string Name, long Images, IReadOnlyDictionary<string, double> Values)
{
    /// <summary>Number of images of B in a drift; null in a pairing.</summary>
    public long? ImagesB { get; init; }
}
