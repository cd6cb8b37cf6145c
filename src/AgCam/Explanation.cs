using AgCam.Heatmaps;
using AgCam.Preprocessing;

namespace AgCam;

/// <summary>What the model said and where it looked, for one image. Plain numbers: no tensor leaves the computation.</summary>
public sealed record Explanation
{
    /// <summary>The most probable classes, most probable first: five, or all when the model has fewer.</summary>
    public required IReadOnlyList<Prediction> Predictions { get; init; }

    /// <summary>[classes], float32.</summary>
    public required float[] Logits { get; init; }

    /// <summary>log(sum(exp(logits))): turns a logit into a log-probability.</summary>
    public required double LogSumExp { get; init; }

    /// <summary>The image's label as it was given, if any.</summary>
    public int? Label { get; init; }

    /// <summary>One for each resolved target, in the order of the request. A target that the image has no label for gives none.</summary>
    public required IReadOnlyList<TargetExplanation> Targets { get; init; }

    /// <summary>From the model's input pixels back to the original's.</summary>
    public required InputTransform Transform { get; init; }

    public double Probability(int index) => Math.Exp(Logits[index] - LogSumExp);
}

/// <param name="Name">Null where the model has no class names.</param>
public readonly record struct Prediction(int Class, string? Name, double Probability, double Logit);

/// <summary>Where the model looked for one target class.</summary>
public sealed record TargetExplanation
{
    /// <summary>As requested, in canonical form: predicted, label:3, class:3, top:5, ...</summary>
    public required string Requested { get; init; }

    public required int Class { get; init; }

    public string? Name { get; init; }

    /// <summary>The class contrasted with, if any.</summary>
    public int? Against { get; init; }

    public string? AgainstName { get; init; }

    /// <summary>Raw values on the model's patch grid.</summary>
    public required Heatmap Heatmap { get; init; }

    /// <summary>The evidence against the class, when it was asked for: the same sum over the negative gradients.</summary>
    public Heatmap? Negative { get; init; }

    /// <summary>In original pixels, largest share of the map's mass first.</summary>
    public required IReadOnlyList<BoundingBox> Boxes { get; init; }

    /// <summary>Why there are no boxes (a flat map), or null: one of <see cref="HeatmapReason"/>.</summary>
    public string? Reason => Heatmap.Reason;
}
