using AgCam.Models.Layouts;
using AgCam.Models.Pickle;
using AgCam.Models.Safetensors;

namespace AgCam.Models;

/// <summary>Result of an import.</summary>
/// <param name="Folder">Folder with safetensors weights and their configuration.</param>
/// <param name="StateKey">Key of the weights in the pickle, e.g. state_dict_ema; empty when the pickle is the state dict itself.</param>
public sealed record ImportedModel(string Folder, string StateKey, ViTConfig Config);

/// <summary>Converts a PyTorch checkpoint to a safetensors folder without running code from the checkpoint.</summary>
public static class ModelImport
{
    private static readonly Dictionary<string, string> Metadata = new() { ["format"] = "pt" };

    /// <param name="source">
    /// A .pth, .pt, .bin or .pth.tar file, or a safetensors file without a configuration. Without an architecture in the options, the
    /// config.json in its folder is copied. Otherwise a config.json in timm's layout is written.
    /// </param>
    /// <param name="folder">Target folder, written whole or not at all. It must be empty or not exist.</param>
    /// <param name="options">Architecture and complete preprocessing, which a pickle does not contain.</param>
    /// <exception cref="ModelException">The checkpoint cannot be converted.</exception>
    public static ImportedModel Run(string source, string folder, CheckpointOptions options)
    {
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (File.Exists(target) || (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any()))
            throw new ModelException(ModelFailure.Unreadable, $"{folder} exists and is not empty. Give another folder, or remove it.");
        using var opened = Source.Open(source);
        Action<string> write = options.Architecture is { } architecture ? Described(opened, architecture, options) : AsConfigured(opened);

        var temporary = $"{target}.{Guid.NewGuid():N}.tmp";
        try
        {
            Directory.CreateDirectory(temporary);
            write(temporary);
            ViTConfig config;
            // The result must be readable
            using (var written = Checkpoint.Open(temporary, new CheckpointOptions { Pooled = true }))
                config = written.Config;
            if (Directory.Exists(target))
                Directory.Delete(target); // empty
            Directory.Move(temporary, target);
            return new ImportedModel(target, opened.StateKey, config);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelException(ModelFailure.Unreadable, $"{folder} cannot be written: {error.Message}", error);
        }
        finally
        {
            if (Directory.Exists(temporary))
                Directory.Delete(temporary, recursive: true);
        }
    }

    /// <summary>Returns a writer of canonical weights and a configuration from the options.</summary>
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
        // The input size defaults to that of the weights; the other fields must be given.
        var preprocessing = new PreprocessingFields { Height = config.ImageHeight, Width = config.ImageWidth }.Under(options);
        preprocessing.Complete(source.Path);
        var stored = StoredNames.WithoutWrappers(source.Tensors);
        var weights = EvaLayout.Recognizes(stored.Keys) ? stored : placed.Weights; // timm reads its Eva models under Eva's names
        return folder =>
        {
            SafetensorsWriter.Write(Path.Combine(folder, SafetensorsWeights.SingleName), weights, Metadata);
            using var file = new AtomicFile(Path.Combine(folder, "config.json"));
            TimmConfigWriter.Write(file.Stream, config, preprocessing, options.ClassNames);
            file.Commit();
        };
    }

    /// <summary>Returns a writer of the weights under their stored names and of the configuration files in their folder.</summary>
    private static Action<string> AsConfigured(Source source)
    {
        var from = Path.GetDirectoryName(Path.GetFullPath(source.Path))!;
        if (!ModelFile.IsThere(Path.Combine(from, "config.json")))
            throw new ModelException(
                ModelFailure.BadConfiguration,
                $"{source.Path} names no architecture, and its folder has no config.json: "
                    + (
                        HuggingFaceLayout.Recognizes(StoredNames.WithoutWrappers(source.Tensors).Keys)
                            ? "put the Hugging Face config.json into that folder."
                            : $"give CheckpointOptions.Architecture, e.g. {NamedArchitectures.Examples}."
                    )
            );
        StoredNames.ToCanonical(source.Tensors, source.Path); // throws before anything is written
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
