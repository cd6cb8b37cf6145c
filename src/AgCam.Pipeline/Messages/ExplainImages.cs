using System.Text.Json;
using System.Text.Json.Serialization;
using AgCam.Attribution;

namespace AgCam.Pipeline.Messages;

/// <summary>Queue of a message: <see cref="Interactive"/> when a caller waits for the answer, <see cref="Bulk"/> otherwise.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Lane>))]
public enum Lane
{
    Bulk,
    Interactive,
}

/// <summary>Model by name, pinned to the SHA-256 of its checkpoint.</summary>
public sealed record ModelPin
{
    public string Id { get; init; } = "";

    public Digest Sha256 { get; init; }
}

/// <summary>
/// Request to explain images. Jobs publish one per chunk; other producers publish the same message. Checked by
/// <see cref="ExplainImagesRules"/>.
/// </summary>
public sealed record ExplainImages
{
    public const int MaxReferences = 256;

    /// <summary>Idempotency key. Messages with the same key are the same request.</summary>
    public string Key { get; init; } = "";

    /// <summary>
    /// Job of the chunk. Null for a request without a job; its items are stored under <see cref="RequestId"/> of the key.
    /// </summary>
    public Guid? JobId { get; init; }

    /// <summary>Number of the chunk in its job, from 0. 0 without a job.</summary>
    public int Chunk { get; init; }

    /// <summary>Number of earlier publications of the chunk. A message with a lower count than the stored chunk is stale.</summary>
    public int PublishCount { get; init; }

    /// <summary>
    /// <see cref="Records.Chunk.Generation"/> of a job's chunk. A message of another generation is stale. 0 without a job.
    /// </summary>
    public long Generation { get; init; }

    public Lane Lane { get; init; }

    public ModelPin Model { get; init; } = new();

    /// <summary>Name of an <see cref="AttributionMethod"/>.</summary>
    public string Method { get; init; } = AttributionMethod.Paper;

    /// <summary>
    /// Targets to explain in each image, in the forms of <see cref="TargetForm"/>: "predicted", "top:5", "label", "dog",
    /// "predicted-vs-label".
    /// </summary>
    public IReadOnlyList<string> Targets { get; init; } = ["predicted"];

    /// <summary>Threshold in [0, 1] for boxes, on the heatmap scaled to [0, 1]. Default 0.5.</summary>
    public double Threshold { get; init; } = 0.5;

    /// <summary>Element type of the forward pass: float32, float16 or bfloat16. Default float32.</summary>
    public string Dtype { get; init; } = "float32";

    /// <summary>Whether each explanation keeps its embedding. Default true.</summary>
    public bool Embedding { get; init; } = true;

    /// <summary>1 to <see cref="MaxReferences"/> images with distinct numbers.</summary>
    public IReadOnlyList<ImageReference> References { get; init; } = [];

    /// <summary>Job, or the request itself. The chunk and its items are stored under it.</summary>
    [JsonIgnore]
    public Guid Owner => JobId ?? RequestId.Of(Key);

    /// <summary>
    /// Returns the SHA-256 of the request's content as JSON, metadata sorted by name. It differs when a key is reused for another request.
    /// The lane does not count, and an uploaded image counts by its bytes, because each retry uploads it again.
    /// </summary>
    public Digest Hash() =>
        Digest.Of(
            JsonSerializer.SerializeToUtf8Bytes(
                new
                {
                    Model,
                    Method,
                    Targets,
                    Threshold,
                    Dtype,
                    Embedding,
                    References = References.Select(image => new
                    {
                        image.Number,
                        image.Kind,
                        Image = image is { Kind: ReferenceKind.Upload, KnownSha256: { } sha256 } ? sha256.ToString() : image.Uri,
                        image.Label,
                        image.Split,
                        image.Stamp,
                        Metadata = image.Metadata?.OrderBy(entry => entry.Key, StringComparer.Ordinal),
                    }),
                }
            )
        );
}
