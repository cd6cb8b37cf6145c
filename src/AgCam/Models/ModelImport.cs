using AgCam.Models.Layouts;
using AgCam.Models.Pickle;
using AgCam.Models.Safetensors;

namespace AgCam.Models;

/// <summary>What an import found and wrote.</summary>
/// <param name="Folder">A folder with safetensors weights and their configuration.</param>
/// <param name="StateKey">Where in the pickle the weights were, e.g. state_dict_ema; empty when it held nothing else.</param>
public sealed record ImportedModel(string Folder, string StateKey, ViTConfig Config);

/// <summary>From a PyTorch checkpoint to a safetensors folder, without running anything that the checkpoint holds.</summary>
public static class ModelImport
{
    private static readonly Dictionary<string, string> Metadata = new() { ["format"] = "pt" };

    /// <param name="source">
    /// .pth, .pt, .bin or .pth.tar, or a safetensors file without a configuration. With a config.json beside it and no architecture in
    /// the options, that configuration is kept as it is; else one in timm's layout is written from the options.
    /// </param>
    /// <param name="folder">Written whole or not at all; must not exist yet, or be empty.</param>
    /// <param name="options">The architecture, and all of the preprocessing: a pickle names neither.</param>
    /// <exception cref="ModelException">With the reason and the next step.</exception>
    public static ImportedModel Run(string source, string folder, CheckpointOptions options)
    {
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (File.Exists(target) || (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any()))
            throw new ModelException(
                ModelFailure.Unreadable,
                $"{folder} exists already and is not empty: name another folder, or remove it."
            );
        using var opened = Source.Open(source);
        Action<string> write = options.Architecture is { } architecture ? Described(opened, architecture, options) : AsConfigured(opened);

        var unfinished = $"{target}.{Guid.NewGuid():N}.tmp";
        try
        {
            Directory.CreateDirectory(unfinished);
            write(unfinished);
            ViTConfig config;
            // What was written must be what can be read
            using (var written = Checkpoint.Open(unfinished, new CheckpointOptions { Pooled = true }))
                config = written.Config;
            if (Directory.Exists(target))
                Directory.Delete(target); // empty
            Directory.Move(unfinished, target);
            return new ImportedModel(target, opened.StateKey, config);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelException(ModelFailure.Unreadable, $"{folder} cannot be written: {error.Message}", error);
        }
        finally
        {
            if (Directory.Exists(unfinished))
                Directory.Delete(unfinished, recursive: true);
        }
    }

    /// <summary>Canonical weights, and a configuration from the options.</summary>
    private static Action<string> Described(Source source, string architecture, CheckpointOptions options)
    {
        var placed = StoredNames.ToCanonical(source.Tensors, source.Path);
        var config = placed.Complete(BareWeights.Configure(architecture, placed, options with { Pooled = true }, source.Path), source.Path);
        Checkpoint.Validate(config, source.Path);
        CanonicalWeights.Require(config, placed, source.Path);
        if (options.ClassNames is { } names && names.Count != config.Classes)
            throw new ModelException(
                ModelFailure.BadConfiguration,
                $"{source.Path} predicts {config.Classes} classes, but {names.Count} class names were given."
            );
        // The input size is the weights' own unless another is asked for; the rest must be given, and is checked by completing it.
        var preprocessing = new PreprocessingFields { Height = config.ImageHeight, Width = config.ImageWidth }.Under(options);
        preprocessing.Complete(source.Path);
        var stored = StoredNames.WithoutWrappers(source.Tensors);
        var weights = EvaLayout.Recognizes(stored.Keys) ? stored : placed.Weights; // what timm builds as Eva, it reads under Eva's names
        return folder =>
        {
            SafetensorsWriter.Write(Path.Combine(folder, SafetensorsWeights.SingleName), weights, Metadata);
            AtomicFile.Write(
                Path.Combine(folder, "config.json"),
                stream => TimmConfigWriter.Write(stream, config, preprocessing, options.ClassNames)
            );
        };
    }

    /// <summary>The weights under their own names, and the configuration files that lie beside them.</summary>
    private static Action<string> AsConfigured(Source source)
    {
        var from = Path.GetDirectoryName(Path.GetFullPath(source.Path))!;
        if (!ModelFile.IsThere(Path.Combine(from, "config.json")))
            throw new ModelException(
                ModelFailure.BadConfiguration,
                $"{source.Path} does not say which architecture it is, and no config.json lies beside it: "
                    + (
                        HuggingFaceLayout.Recognizes(StoredNames.WithoutWrappers(source.Tensors).Keys)
                            ? "it is a Hugging Face checkpoint, so put that file beside it."
                            : $"give --arch, e.g. {NamedArchitectures.Examples}."
                    )
            );
        StoredNames.ToCanonical(source.Tensors, source.Path); // refused before anything is written
        return folder =>
        {
            foreach (var name in new[] { "config.json", "preprocessor_config.json" })
                if (ModelFile.IsThere(Path.Combine(from, name)))
                    File.WriteAllBytes(Path.Combine(folder, name), ModelFile.ReadSmall(Path.Combine(from, name), ConfigJson.MaxBytes));
            SafetensorsWriter.Write(Path.Combine(folder, SafetensorsWeights.SingleName), source.Tensors, Metadata);
        };
    }

    private sealed record Source(string Path, IReadOnlyDictionary<string, WeightTensor> Tensors, string StateKey, IDisposable File)
        : IDisposable
    {
        public static Source Open(string path)
        {
            if (path.EndsWith(".safetensors", StringComparison.Ordinal))
            {
                var file = SafetensorsWeights.OpenFile(path);
                return new Source(path, file.Tensors, "", file);
            }

            var pickle = PthFile.Open(path);
            return new Source(path, pickle.Tensors, pickle.StateKey, pickle);
        }

        public void Dispose() => File.Dispose();
    }
}
