using System.Reflection;
using System.Text.Json;
using AgCam.Native;

namespace AgCam;

/// <summary>Configuration of a computation: one record per configuration, to which its explanations refer.</summary>
public sealed record Provenance
{
    /// <summary>Value of <see cref="Preprocessing"/> when maps cover the whole picture, as those of a stand-in engine do.</summary>
    public const string NoPreprocessing = "none";

    public required string ModelId { get; init; }

    public required Digest ModelSha256 { get; init; }

    /// <summary>Source of the checkpoint: a path, or a Hub id and revision.</summary>
    public required string ModelSource { get; init; }

    /// <summary>Model properties that the weights do not define, as in <see cref="ExplanationRecipe"/>.</summary>
    public required string ModelShape { get; init; }

    /// <summary>Canonical text with its version, as in <see cref="ExplanationRecipe"/>.</summary>
    public required string Preprocessing { get; init; }

    /// <summary>Method, parameters and version, as in <see cref="ExplanationRecipe"/>.</summary>
    public required string Method { get; init; }

    public required string Dtype { get; init; }

    /// <summary>cpu or cuda.</summary>
    public required string Device { get; init; }

    public required string SoftwareVersion { get; init; }

    /// <summary>Commit of the build, or "unknown".</summary>
    public required string Commit { get; init; }

    public required string TorchSharpVersion { get; init; }

    /// <summary>Version of libtorch, followed by "(experimental)" where TorchSharp was not built for it.</summary>
    public required string LibtorchVersion { get; init; }

    /// <summary>Version and commit of the running program, as set by the build.</summary>
    public static (string Version, string Commit) Software { get; } =
        (typeof(Provenance).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0").Split('+')
            is [var version, .. var rest]
            ? (version, rest is [var commit, ..] ? commit : "unknown")
            : ("0", "unknown");

    /// <summary>Returns the SHA-256 of all fields as JSON. Equal configurations have equal ids.</summary>
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
