using AgCam.Heatmaps;
using AgCam.Preprocessing;

namespace AgCam;

/// <summary>Predictions and heatmaps of one image, as plain numbers without tensors.</summary>
public sealed record Explanation
{
    /// <summary>Five most probable classes, most probable first; all classes of a smaller model.</summary>
    public required IReadOnlyList<Prediction> Predictions { get; init; }

    /// <summary>[classes], float32.</summary>
    public required float[] Logits { get; init; }

    /// <summary>log(sum(exp(logits))). A log-probability is the logit minus this.</summary>
    public required double LogSumExp { get; init; }

    /// <summary>
    /// Vector that the head reads, [width], float16: the class token after the final norm. If the head averages the patches, it is their
    /// mean, normed as the model does. Null when not requested.
    /// </summary>
    public Half[]? Embedding { get; init; }

    /// <summary>Label of the image, if given.</summary>
    public int? Label { get; init; }

    /// <summary>
    /// One result for each class or contrast, in the order in which the targets first ask for it. A target that needs a missing label has
    /// none.
    /// </summary>
    public required IReadOnlyList<TargetExplanation> Targets { get; init; }

    /// <summary>Transform from the model's input pixels to the original's.</summary>
    public required InputTransform Transform { get; init; }

    /// <summary>Returns the softmax probability of a class.</summary>
    public double Probability(int index) => Math.Exp(Logits[index] - LogSumExp);
}

/// <summary>Class with its softmax probability and logit.</summary>
/// <param name="Name">Name of the class; null when the model has no class names.</param>
public readonly record struct Prediction(int Class, string? Name, double Probability, double Logit);

/// <summary>Heatmap and boxes of one target class.</summary>
public sealed record TargetExplanation
{
    /// <summary>Targets that asked for the class, in canonical form: predicted, label:3, class:3, top:5, ...</summary>
    public required IReadOnlyList<string> Requested { get; init; }

    public required int Class { get; init; }

    public string? Name { get; init; }

    /// <summary>Class of the contrast, if any.</summary>
    public int? Against { get; init; }

    public string? AgainstName { get; init; }

    /// <summary>Heatmap with raw values on the model's patch grid.</summary>
    public required Heatmap Heatmap { get; init; }

    /// <summary>Evidence against the class if requested: the same sum over the negative gradients.</summary>
    public Heatmap? Negative { get; init; }

    /// <summary>Boxes in original pixels, largest share of the map's mass first.</summary>
    public required IReadOnlyList<BoundingBox> Boxes { get; init; }

    /// <summary>Reason why there are no boxes (a flat map), one of <see cref="HeatmapReason"/>, or null.</summary>
    public string? Reason => Heatmap.Reason;
}
