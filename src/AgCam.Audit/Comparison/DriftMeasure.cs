using AgCam.Pipeline.Records;

namespace AgCam.Audit.Comparison;

/// <summary>What drift measures see of an image.</summary>
public sealed record DriftImage(string Predicted, double Probability)
{
    public float[]? Embedding { get; init; }

    /// <summary>The map as a distribution over patches; null without a map that has positive values.</summary>
    public MapShares? Map { get; init; }

    public static DriftImage Of(ImageOutcome outcome, StoredExplanation explanation, TargetMap? map) =>
        new(outcome.Predicted ?? "", outcome.Probability)
        {
            Embedding = explanation.Embedding is { } embedding ? HalfBytes.ToFloats(embedding) : null,
            Map = map is null ? null : MapShares.Of(JobPairing.Heatmap(map)),
        };
}

/// <summary>A property of images whose distribution is compared, with the distance of two images in it.</summary>
/// <param name="Name">Name in reports and gates.</param>
/// <param name="Meaning">Sentence for a person.</param>
/// <param name="Needs">What an image must have.</param>
public sealed record DriftMeasure(string Name, string Meaning, string Needs)
{
    private Func<DriftImage, bool> IsKnown { get; init; } = _ => true;

    private Func<DriftImage, DriftImage, double> Between { get; init; } = (_, _) => 0;

    /// <summary>All measures, in the order of the report.</summary>
    public static IReadOnlyList<DriftMeasure> All { get; } =
    [
        new("embedding-drift", "what the model sees: Euclidean distance of the embeddings", "embeddings; submit without --no-embedding")
        {
            IsKnown = image => image.Embedding is not null,
            Between = (a, b) => Euclidean(a.Embedding!, b.Embedding!),
        },
        new("prediction-drift", "what it predicts: 1 for two predicted classes, 0 for one", "predictions")
        {
            Between = (a, b) => a.Predicted == b.Predicted ? 0 : 1,
        },
        new("confidence-drift", "how sure it is: difference of the predicted class's probability", "predictions")
        {
            Between = (a, b) => Math.Abs(a.Probability - b.Probability),
        },
        new("map-drift", "where it looks: total variation distance of the maps", "heatmaps")
        {
            IsKnown = image => image.Map is not null,
            Between = (a, b) => TotalVariation(a.Map!.Values, b.Map!.Values),
        },
        new("focus-drift", "how focused it looks: difference of 1 - entropy / maximum", "heatmaps")
        {
            IsKnown = image => image.Map is not null,
            Between = (a, b) => Math.Abs(a.Map!.Focus - b.Map!.Focus),
        },
    ];

    /// <summary>Returns the drift from the first images to the second; null with too few images that have what it needs.</summary>
    public EnergyDistance? Of(IEnumerable<DriftImage> first, IEnumerable<DriftImage> second)
    {
        List<DriftImage> images = [.. first.Where(IsKnown)];
        var count = images.Count;
        images.AddRange(second.Where(IsKnown));
        return count < EnergyDistance.MinImages || images.Count - count < EnergyDistance.MinImages
            ? null
            : EnergyDistance.Of(images.Count, count, (i, j) => Between(images[i], images[j]));
    }

    private static double Euclidean(float[] a, float[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++)
            sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        return Math.Sqrt(sum);
    }

    private static double TotalVariation(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Count; i++)
            sum += Math.Abs(a[i] - b[i]);
        return sum / 2;
    }
}
