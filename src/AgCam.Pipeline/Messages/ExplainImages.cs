using System.Text.Json;
using System.Text.Json.Serialization;
using AgCam.Attribution;

namespace AgCam.Pipeline.Messages;

/// <summary>The two queues: someone waits for the answer, or nobody does.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Lane>))]
public enum Lane
{
    Bulk,
    Interactive,
}

/// <summary>A model by name, pinned to the bytes of its checkpoint.</summary>
public sealed record ModelPin
{
    public string Id { get; init; } = "";

    public Digest Sha256 { get; init; }
}

/// <summary>
/// The request: explain these images. Jobs publish one per chunk, other producers publish the same message. Checked by
/// <see cref="ExplainImagesRules"/>.
/// </summary>
public sealed record ExplainImages
{
    public const int MaxReferences = 256;

    /// <summary>The idempotency key: the same key again is the same request.</summary>
    public string Key { get; init; } = "";

    /// <summary>Null when no job stands behind the request; its items are then found under <see cref="RequestId"/> of the key.</summary>
    public Guid? JobId { get; init; }

    /// <summary>The chunk's number in its job, from 0; 0 without a job.</summary>
    public int Chunk { get; init; }

    /// <summary>How often the chunk has been published before: a message with a lower count than the stored chunk is stale.</summary>
    public int PublishCount { get; init; }

    /// <summary>
    /// Of a job's chunk, its <see cref="Records.Chunk.Generation"/>: a message of another generation is stale. 0 without a job.
    /// </summary>
    public long Generation { get; init; }

    public Lane Lane { get; init; }

    public ModelPin Model { get; init; } = new();

    /// <summary>The attribution method's name.</summary>
    public string Method { get; init; } = AttributionMethod.Paper;

    /// <summary>
    /// What to explain in each image, each a form of <see cref="TargetForm"/>: "predicted", "top:5", "label", "dog", "predicted-vs-label".
    /// </summary>
    public IReadOnlyList<string> Targets { get; init; } = ["predicted"];

    /// <summary>Where the heatmap, scaled to [0, 1], is cut to find boxes.</summary>
    public double Threshold { get; init; } = 0.5;

    /// <summary>float32, float16 or bfloat16.</summary>
    public string Dtype { get; init; } = "float32";

    /// <summary>1 to 256 of them, with distinct numbers.</summary>
    public IReadOnlyList<ImageReference> References { get; init; } = [];

    /// <summary>Under which the chunk and its items are stored: the job, or the request itself.</summary>
    [JsonIgnore]
    public Guid Owner => JobId ?? RequestId.Of(Key);

    /// <summary>
    /// Tells whether the same idempotency key came with the same request: SHA-256 of what is asked for as JSON, metadata sorted by name.
    /// The lane is no part of it. An image that was sent along is known by its bytes, since each sending has an upload of its own.
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
