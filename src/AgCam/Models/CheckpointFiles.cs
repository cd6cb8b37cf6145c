using AgCam.Models.Safetensors;

namespace AgCam.Models;

/// <summary>Paths of the files of a checkpoint.</summary>
/// <param name="Name">Name of the folder or file.</param>
internal sealed record CheckpointFiles(string Name, string Weights, string? Config, string? Preprocessor)
{
    /// <summary>Usual names of pickled weights.</summary>
    private static readonly string[] Pickles = ["pytorch_model.bin", "pytorch_model.bin.index.json", "model.pth", "model.pt"];

    public static CheckpointFiles Find(string path)
    {
        if (string.IsNullOrWhiteSpace(path))
            throw new ModelException(ModelFailure.NotFound, "No model was given. Give a folder, a .safetensors file or a Hub id.");
        return Directory.Exists(path) ? InFolder(path) : OfFile(path);
    }

    public SafetensorsWeights OpenWeights() =>
        Weights.EndsWith(".index.json", StringComparison.Ordinal)
            ? SafetensorsWeights.OpenIndex(Weights)
            : SafetensorsWeights.OpenFile(Weights);

    private static CheckpointFiles InFolder(string folder)
    {
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        var weights = Present(SafetensorsWeights.SingleName) ?? Present(SafetensorsWeights.IndexName);
        if (weights is null)
        {
            if (Pickles.FirstOrDefault(file => Present(file) is not null) is { } pickle)
                throw Pickled(Path.Combine(folder, pickle));
            throw new ModelException(
                ModelFailure.NotFound,
                $"{folder} holds neither {SafetensorsWeights.SingleName} nor {SafetensorsWeights.IndexName}. "
                    + "Give the folder of a model, or the .safetensors file itself."
            );
        }

        return new CheckpointFiles(name, weights, Present("config.json"), Present("preprocessor_config.json"));

        string? Present(string file) => Path.Combine(folder, file) is var full && ModelFile.IsThere(full) ? full : null;
    }

    private static CheckpointFiles OfFile(string path)
    {
        var length = ModelFile.LengthOf(path);
        var file = Path.GetFileName(path);
        // model.safetensors selects its whole folder.
        if (file is SafetensorsWeights.SingleName or SafetensorsWeights.IndexName)
            return InFolder(Path.GetDirectoryName(Path.GetFullPath(path))!) with { Weights = path };
        if (length > 8 && LooksPickled(path))
            throw Pickled(path);
        return new CheckpointFiles(Path.GetFileNameWithoutExtension(file), path, null, null);
    }

    /// <summary>Returns whether a file is from torch.save: a zip archive, or, before version 1.6, a pickle.</summary>
    private static bool LooksPickled(string path)
    {
        if (path.EndsWith(".safetensors", StringComparison.Ordinal))
            return false;
        var start = new byte[9];
        try
        {
            using var stream = File.OpenRead(path);
            stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
            // The length in a safetensors header may begin like a pickle; its JSON follows at byte 8.
            return start is [0x50, 0x4B, 0x03, 0x04, ..] || (start is [0x80, <= 5, ..] && start[8] != (byte)'{');
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelException(ModelFailure.Unreadable, $"{path} cannot be read: {error.Message}", error);
        }
    }

    private static ModelException Pickled(string path) =>
        new(
            ModelFailure.PickleNotImported,
            $"{path} is a pickle, which can run code when Python loads it, so it is not loaded. "
                + $"Convert it, without running its code, with: agcam models import {path} "
                + $"{(HasConfig(path) ? "" : "--arch ... ")}--out FOLDER"
        );

    /// <summary>Returns whether config.json is in the pickle's folder; the import takes the architecture from it.</summary>
    private static bool HasConfig(string pickle) =>
        ModelFile.IsThere(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(pickle))!, "config.json"));
}
