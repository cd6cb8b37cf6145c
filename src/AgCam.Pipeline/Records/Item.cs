using System.Text.Json.Serialization;
using AgCam.Heatmaps;
using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Records;

/// <summary>Outcome of an image.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ItemStatus>))]
public enum ItemStatus
{
    Completed,
    Failed,
}

/// <summary>
/// Failure codes other than those of decoding, which are in <see cref="AgCam.Images.ImageFailure"/>. Codes are stored: never rename one.
/// </summary>
public static class ItemFailure
{
    /// <summary>The worker died twice while it computed this image in isolation.</summary>
    public const string Poison = "poison";
}

/// <summary>Terminal record of one image of a job or request. Written once. Lists read only items.</summary>
public sealed record Item
{
    /// <summary>
    /// Job, or request where there is no job (<see cref="RequestId"/>). Together with <see cref="Number"/> the item's key.
    /// </summary>
    public required Guid Job { get; init; }

    public required int Number { get; init; }

    public required ItemStatus Status { get; init; }

    /// <summary>Stable code of the failure. Null when Completed.</summary>
    public string? Reason { get; init; }

    /// <summary>Description of the failure for a person. Null when Completed.</summary>
    public string? Detail { get; init; }

    public required ReferenceKind Kind { get; init; }

    public required string Uri { get; init; }

    public string? Stamp { get; init; }

    /// <summary>SHA-256 of the image file. Null when it could not be read.</summary>
    public Digest? Sha256 { get; init; }

    /// <summary>Label as given, even when the model has no such class.</summary>
    public string? Label { get; init; }

    /// <summary>Class that the label resolves to. Null when the model has none, or when Failed.</summary>
    public string? LabelClass { get; init; }

    public string? Split { get; init; }

    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    /// <summary>Id of the model.</summary>
    public required string Model { get; init; }

    /// <summary>Name of the predicted class. Null when Failed.</summary>
    public string? Predicted { get; init; }

    /// <summary>Softmax probability of the predicted class. Null when Failed.</summary>
    public float? Probability { get; init; }

    /// <summary>Whether the prediction equals the label. Null without a label that is a class, or when Failed.</summary>
    public bool? Correct { get; init; }

    /// <summary>
    /// Logit of the label's class. Null without one. A stored explanation is reused only if it holds this logit, so cached and computed
    /// items are equal.
    /// </summary>
    public float? LabelLogit { get; init; }

    /// <summary>Softmax probability of the label's class. Null without one.</summary>
    public float? LabelProbability { get; init; }

    /// <summary>Boxes of the first target at the job's threshold, in original pixels. Stored in single precision.</summary>
    public IReadOnlyList<BoundingBox> Boxes { get; init; } = [];

    /// <summary>Id of the stored explanation. Null when Failed.</summary>
    public Digest? Explanation { get; init; }

    /// <summary>Time when the record was made: UTC, whole milliseconds.</summary>
    public required DateTimeOffset Time { get; init; }
}
