using System.Text.Json;

namespace AgCam.Pipeline.Records;

/// <summary>How explanations were computed: one row per configuration, referenced by each of them.</summary>
public sealed record Provenance
{
    public required string ModelId { get; init; }

    public required Digest ModelSha256 { get; init; }

    /// <summary>Where the checkpoint came from: a path, a hub id and revision.</summary>
    public required string ModelSource { get; init; }

    /// <summary>Canonical text, version included; the same as in <see cref="ExplanationRecipe"/>.</summary>
    public required string Preprocessing { get; init; }

    /// <summary>Method, parameters and version; the same as in <see cref="ExplanationRecipe"/>.</summary>
    public required string Method { get; init; }

    public required string Dtype { get; init; }

    /// <summary>cpu, or the GPU's name.</summary>
    public required string Device { get; init; }

    public required string SoftwareVersion { get; init; }

    /// <summary>The commit the software was built from.</summary>
    public required string Commit { get; init; }

    public required string TorchSharpVersion { get; init; }

    public required string LibtorchVersion { get; init; }

    /// <summary>SHA-256 of all the fields as JSON: the same configuration is the same row.</summary>
    public Digest Id() => Digest.Of(JsonSerializer.SerializeToUtf8Bytes(this));
}
