using System.Text.Json.Serialization;

namespace AgCam.Pipeline.Messages;

/// <summary>Kind of place where an image is stored.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ReferenceKind>))]
public enum ReferenceKind
{
    /// <summary>Path under one of the worker's allowed roots.</summary>
    File,

    /// <summary>Id of an upload in the store.</summary>
    Upload,

    /// <summary>Address s3://bucket/key.</summary>
    S3,

    /// <summary>Address http:// or https:// of a host that the operator allows.</summary>
    Http,
}

/// <summary>Address of one image, with its label, split and metadata. Image bytes never go through the broker.</summary>
public sealed record ImageReference
{
    /// <summary>Number of the item in its job or request: from 0, unique, assigned by the producer.</summary>
    public int Number { get; init; }

    public ReferenceKind Kind { get; init; }

    public string Uri { get; init; } = "";

    /// <summary>Ground-truth class, by name.</summary>
    public string? Label { get; init; }

    /// <summary>Split that the dataset assigns: train, val, test or any other name.</summary>
    public string? Split { get; init; }

    /// <summary>Other columns of the manifest. They are copied to the item unchanged.</summary>
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    /// <summary>
    /// Cheap fingerprint of the source that changes with its content: S3 version, or ETag and size; a file's size and modification time.
    /// </summary>
    public string? Stamp { get; init; }

    /// <summary>
    /// SHA-256 of the image, when an earlier job read it under the same stamp. The worker looks up a stored explanation by it without
    /// reading the image.
    /// </summary>
    public Digest? KnownSha256 { get; init; }

    /// <summary>
    /// Reason why the source's entry is no usable reference. The item fails with this text and is not read. Null for every other image.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Refused { get; init; }
}
