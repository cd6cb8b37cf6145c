using System.Reflection;
using System.Text.Json;
using AgCam.Native;

namespace AgCam;

/// <summary>How explanations were computed: one record per configuration, which each of them refers to.</summary>
public sealed record Provenance
{
    public required string ModelId { get; init; }

    public required Digest ModelSha256 { get; init; }

    /// <summary>Where the checkpoint came from: a path, or a Hub id and revision.</summary>
    public required string ModelSource { get; init; }

    /// <summary>What the weights do not tell of the model; the same as in <see cref="ExplanationRecipe"/>.</summary>
    public required string ModelShape { get; init; }

    /// <summary>Canonical text, version included; the same as in <see cref="ExplanationRecipe"/>.</summary>
    public required string Preprocessing { get; init; }

    /// <summary>Method, parameters and version; the same as in <see cref="ExplanationRecipe"/>.</summary>
    public required string Method { get; init; }

    public required string Dtype { get; init; }

    /// <summary>cpu or cuda.</summary>
    public required string Device { get; init; }

    public required string SoftwareVersion { get; init; }

    /// <summary>The commit the software was built from, or "unknown".</summary>
    public required string Commit { get; init; }

    public required string TorchSharpVersion { get; init; }

    /// <summary>libtorch's release; "(experimental)" behind one that TorchSharp was not built for.</summary>
    public required string LibtorchVersion { get; init; }

    /// <summary>The running program's version and commit, as the build wrote them.</summary>
    public static (string Version, string Commit) Software { get; } =
        (typeof(Provenance).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0").Split('+')
            is [var version, .. var rest]
            ? (version, rest is [var commit, ..] ? commit : "unknown")
            : ("0", "unknown");

    /// <summary>SHA-256 of all the fields as JSON: the same configuration is the same record.</summary>
    public Digest Id() => Digest.Of(JsonSerializer.SerializeToUtf8Bytes(this));

    internal static Provenance Of(string modelId, string modelSource, ExplanationRecipe recipe, string device, NativeBackend backend) =>
        new()
        {
            ModelId = modelId,
            ModelSha256 = recipe.Model,
            ModelSource = modelSource,
            ModelShape = recipe.Shape,
            Preprocessing = recipe.Preprocessing,
            Method = recipe.Method,
            Dtype = recipe.Dtype,
            Device = device,
            SoftwareVersion = Software.Version,
            Commit = Software.Commit,
            TorchSharpVersion = NativeBackend.TorchSharpVersion,
            LibtorchVersion = backend.Version + (backend.Experimental ? " (experimental)" : ""),
        };
}
