using System.Text.Json.Serialization;
using AgCam.Heatmaps;
using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Records;

[JsonConverter(typeof(JsonStringEnumConverter<ItemStatus>))]
public enum ItemStatus
{
    Completed,
    Failed,
}

/// <summary>
/// Reasons that are not the image's decoder's (those are <see cref="AgCam.Images.ImageFailure"/>). Stored: never rename one.
/// </summary>
public static class ItemFailure
{
    /// <summary>The image brought its worker down twice while it was computed alone.</summary>
    public const string Poison = "poison";
}

/// <summary>The terminal record of one image of one job, or of one published request. Written once. Lists read items only.</summary>
public sealed record Item
{
    /// <summary>
    /// The job, or the request where there is no job (<see cref="RequestId"/>). With <see cref="Number"/> the item's key.
    /// </summary>
    public required Guid Job { get; init; }

    public required int Number { get; init; }

    public required ItemStatus Status { get; init; }

    /// <summary>Why it failed: a stable code. Null when Completed.</summary>
    public string? Reason { get; init; }

    /// <summary>What is wrong, for a person. Null when Completed.</summary>
    public string? Detail { get; init; }

    public required ReferenceKind Kind { get; init; }

    public required string Uri { get; init; }

    public string? Stamp { get; init; }

    /// <summary>Of the image file's bytes; null when they could not be read.</summary>
    public Digest? Sha256 { get; init; }

    /// <summary>The label as it was given, also where the model has no such class.</summary>
    public string? Label { get; init; }

    /// <summary>The name of the label's class; null where the model has none, or when Failed.</summary>
    public string? LabelClass { get; init; }

    public string? Split { get; init; }

    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    /// <summary>The model's id.</summary>
    public required string Model { get; init; }

    /// <summary>The predicted class's name; null when Failed.</summary>
    public string? Predicted { get; init; }

    /// <summary>Of the predicted class; null when Failed.</summary>
    public float? Probability { get; init; }

    /// <summary>Whether the prediction is the label; null without a label that is a class, or when Failed.</summary>
    public bool? Correct { get; init; }

    /// <summary>
    /// The label's logit, where the model knows the label. A stored explanation may stand in for computing one only if it has this number
    /// (in its own field or among its highest logits), so that an item does not depend on whether its explanation was found or computed.
    /// </summary>
    public float? LabelLogit { get; init; }

    /// <summary>Softmax probability of the label's class; null without one.</summary>
    public float? LabelProbability { get; init; }

    /// <summary>Of the first target, at the job's threshold, in original pixels. Stored in single precision.</summary>
    public IReadOnlyList<BoundingBox> Boxes { get; init; } = [];

    /// <summary>Null when Failed.</summary>
    public Digest? Explanation { get; init; }

    /// <summary>When the record was made; UTC, whole milliseconds.</summary>
    public required DateTimeOffset Time { get; init; }
}
