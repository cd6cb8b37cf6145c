using System.Text.Json.Serialization;

namespace AgCam.Pipeline.Messages;

[JsonConverter(typeof(JsonStringEnumConverter<ReferenceKind>))]
public enum ReferenceKind
{
    /// <summary>A path under one of the worker's allowed roots.</summary>
    File,

    /// <summary>The id of an upload held by the store.</summary>
    Upload,

    /// <summary>s3://bucket/key</summary>
    S3,

    /// <summary>http:// or https://, where the operator's host list allows it.</summary>
    Http,
}

/// <summary>Where one image is, and what is known of it. The image's bytes never cross the broker.</summary>
public sealed record ImageReference
{
    /// <summary>The item's number in its job, or in its request: from 0, given by the producer, unique there.</summary>
    public int Number { get; init; }

    public ReferenceKind Kind { get; init; }

    public string Uri { get; init; } = "";

    /// <summary>The class the image is of, by name: ground truth, not prediction.</summary>
    public string? Label { get; init; }

    /// <summary>train, val, test, or whatever the data set says.</summary>
    public string? Split { get; init; }

    /// <summary>Free columns of the manifest, carried to the item untouched.</summary>
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    /// <summary>
    /// What tells that the source has not changed without reading it: an S3 version or ETag and size; size and modification time of a
    /// file.
    /// </summary>
    public string? Stamp { get; init; }

    /// <summary>
    /// The image's digest, when an earlier job read it under the same stamp: it need not be read again to look for a stored
    /// explanation.
    /// </summary>
    public Digest? KnownSha256 { get; init; }

    /// <summary>
    /// Why no reference could be made of what the source says of the image: it fails with this text, unread. Null for every other.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Refused { get; init; }
}
