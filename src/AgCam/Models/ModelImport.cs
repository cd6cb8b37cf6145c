using AgCam.Models.Layouts;
using AgCam.Models.Pickle;
using AgCam.Models.Safetensors;

namespace AgCam.Models;

/// <summary>What an import found and wrote.</summary>
/// <param name="Folder">A safetensors folder in timm's layout.</param>
/// <param name="StateKey">Where in the pickle the weights were, e.g. state_dict_ema; empty when it held nothing else.</param>
public sealed record ImportedModel(string Folder, string StateKey, ViTConfig Config);

/// <summary>From a PyTorch checkpoint to a safetensors folder, without running anything that the checkpoint holds.</summary>
public static class ModelImport
{
    /// <param name="source">.pth, .pt, .bin or .pth.tar, or a safetensors file without a configuration.</param>
    /// <param name="folder">Written whole or not at all; must not exist yet, or be empty.</param>
    /// <param name="options">The architecture, and all of the preprocessing: a pickle names neither.</param>
    /// <exception cref="ModelException">With the reason and the next step.</exception>
    public static ImportedModel Run(string source, string folder, CheckpointOptions options)
    {
        if (options.Architecture is not { } architecture)
            throw new ModelException(ModelFailure.BadConfiguration,
                $"{source} does not say which architecture it is: give --arch, e.g. {NamedArchitectures.Examples}.");
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (File.Exists(target) || (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any()))
            throw new ModelException(ModelFailure.Unreadable, $"{folder} exists already and is not empty: name another folder, or remove it.");

        using var opened = OpenSource(source);
        var (weights, unexpected) = StoredNames.ToCanonical(opened.Tensors, source);
        var config = BareWeights.Configure(architecture, weights, options, source);
        Checkpoint.Validate(config, source);
        CanonicalWeights.Require(config, weights, unexpected, source);
        if (options.ClassNames is { } names && names.Count != config.Classes)
            throw new ModelException(ModelFailure.BadConfiguration, $"{source} predicts {config.Classes} classes, but {names.Count} class names were given.");
        // The input size is the weights' own unless another is asked for; the rest must be given, and is checked by completing it.
        var preprocessing = new PreprocessingFields { Height = config.ImageHeight, Width = config.ImageWidth }.Under(options);
        preprocessing.Complete(source);

        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        var unfinished = $"{target}.{Guid.NewGuid():N}.tmp";
        try
        {
            Directory.CreateDirectory(unfinished);
            SafetensorsWriter.Write(Path.Combine(unfinished, SafetensorsWeights.SingleName), weights, new Dictionary<string, string> { ["format"] = "pt" });
            AtomicFile.Write(Path.Combine(unfinished, "config.json"), stream => TimmConfigWriter.Write(stream, config, preprocessing, options.ClassNames));
            using (Checkpoint.Open(unfinished))
            {
                // What was written must be what is read.
            }

            if (Directory.Exists(target))
                Directory.Delete(target); // empty
            Directory.Move(unfinished, target);
        }
        finally
        {
            if (Directory.Exists(unfinished))
                Directory.Delete(unfinished, recursive: true);
        }

        return new ImportedModel(target, opened.StateKey, config);
    }

    private static Source OpenSource(string path)
    {
        if (path.EndsWith(".safetensors", StringComparison.Ordinal))
        {
            var file = SafetensorsWeights.OpenFile(path);
            return new Source(file.Tensors, "", file);
        }

        var pickle = PthFile.Open(path);
        return new Source(pickle.Tensors, pickle.StateKey, pickle);
    }

    private sealed record Source(IReadOnlyDictionary<string, WeightTensor> Tensors, string StateKey, IDisposable File) : IDisposable
    {
        public void Dispose() => File.Dispose();
    }
}
