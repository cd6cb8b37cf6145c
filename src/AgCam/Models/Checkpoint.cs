using AgCam.Models.Layouts;
using AgCam.Models.Safetensors;
using AgCam.Preprocessing;

namespace AgCam.Models;

/// <summary>
/// Opens a trained model on disk: its configuration, its weights under canonical names, its classes and its preprocessing. The source is a
/// folder in Hugging Face's or timm's layout, or a safetensors file with a named architecture. Weights are valid until the checkpoint is
/// disposed.
/// </summary>
public sealed class Checkpoint : IDisposable
{
    private readonly SafetensorsWeights _files;
    private readonly PreprocessingFields _preprocessing;
    private readonly Lock _hashing = new();
    private string? _sha256;

    private Checkpoint(
        string path,
        SafetensorsWeights files,
        PlacedWeights placed,
        ModelDescription description,
        string id,
        CheckpointOptions options
    )
    {
        (Source, Id, _files, _preprocessing) = (path, id, files, description.Preprocessing.Under(options));
        (Config, Weights, WordNetIds) = (description.Config, placed.Weights, description.WordNetIds);
        ClassNames = options.ClassNames ?? description.ClassNames;
    }

    public ViTConfig Config { get; }

    /// <summary>
    /// Weights under timm's names (blocks.{i}.attn.qkv.weight, ...): exactly those that <see cref="Config"/> needs, with checked shapes.
    /// Number types are F32, F16 or BF16. Position embeddings are as stored, for the input size in <see cref="Config"/>.
    /// </summary>
    public IReadOnlyDictionary<string, WeightTensor> Weights { get; }

    /// <summary>Class names by index; null when neither the checkpoint nor the options name them.</summary>
    public IReadOnlyList<string>? ClassNames { get; }

    /// <summary>WordNet ids by class index, e.g. n01440764; null when the checkpoint has none.</summary>
    public IReadOnlyList<string>? WordNetIds { get; }

    /// <summary>Name under which the model is recorded: the Hub id, or the name of the folder or file.</summary>
    public string Id { get; }

    /// <summary>Full path of the folder or file.</summary>
    public string Source { get; }

    /// <summary>Preprocessing of the checkpoint, with the options applied over it.</summary>
    /// <exception cref="ModelException">no-preprocessing: neither is complete; the message lists the missing options.</exception>
    public PreprocessingOptions Preprocessing
    {
        get
        {
            var complete = _preprocessing.Complete(Source);
            if (complete.InputHeight % Config.PatchSize != 0 || complete.InputWidth % Config.PatchSize != 0)
                throw new ModelException(
                    ModelFailure.BadConfiguration,
                    $"An input of {complete.InputHeight} x {complete.InputWidth} is not divisible into patches of {Config.PatchSize}: "
                        + "give a CheckpointOptions.ImageSize that is a multiple of it."
                );
            return complete;
        }
    }

    /// <summary>Hexadecimal SHA-256 of the weights (the file, or the list of its shards' hashes), computed on first use.</summary>
    public string Sha256
    {
        get
        {
            lock (_hashing)
                return _sha256 ??= Task.Run(() => _files.HashAsync()).GetAwaiter().GetResult();
        }
    }

    /// <summary>Computes <see cref="Sha256"/> on the thread pool.</summary>
    public Task<string> Sha256Async(CancellationToken cancellationToken = default) => Task.Run(() => Sha256, cancellationToken);

    public static Checkpoint Open(string path) => Open(path, null);

    /// <exception cref="ModelException">The model cannot be used; <see cref="ModelFailure"/> lists the reasons.</exception>
    public static Checkpoint Open(string path, CheckpointOptions? options)
    {
        options ??= new CheckpointOptions();
        var files = CheckpointFiles.Find(path);
        var weights = files.OpenWeights();
        try
        {
            var placed = StoredNames.ToCanonical(weights.Tensors, path);
            var description = Describe(files, placed, options, path);
            Validate(description.Config, path);
            CanonicalWeights.Require(description.Config, placed, path);
            if ((options.ClassNames ?? description.ClassNames) is { } names && names.Count != description.Config.Classes)
                throw new ModelException(
                    ModelFailure.BadConfiguration,
                    $"{path} predicts {description.Config.Classes} classes, but {names.Count} class names "
                        + $"{(options.ClassNames is null ? "are in its configuration" : "were given")}."
                );
            var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
            return new Checkpoint(full, weights, placed, description, options.Id ?? files.Name, options);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    public void Dispose() => _files.Dispose();

    private static ModelDescription Describe(CheckpointFiles files, PlacedWeights placed, CheckpointOptions options, string path)
    {
        var config = files.Config is null ? null : ConfigJson.Read(files.Config);
        var described = config switch
        {
            not null when config.Has("architecture") => TimmConfig.Read(config, placed, options, path),
            not null when config.Has("model_type") => HuggingFaceConfig.Read(
                config,
                files.Preprocessor is null ? null : ConfigJson.Read(files.Preprocessor),
                options.ImageSize is not null
            ),
            not null when placed.Layout == StoredLayout.HuggingFace => throw new ModelException(
                ModelFailure.BadConfiguration,
                $"{files.Config} names no model_type, but the weights are in Hugging Face's layout. "
                    + "Use the config.json that the model was saved with."
            ),
            null when placed.Layout == StoredLayout.HuggingFace => throw new ModelException(
                ModelFailure.BadConfiguration,
                $"{path} is a Hugging Face checkpoint without a config.json, which names its heads, activation and epsilon. "
                    + "Put that file into the folder of the weights."
            ),
            _ when options.Architecture is not null => new ModelDescription(
                BareWeights.Configure(options.Architecture, placed, options, path),
                new PreprocessingFields()
            ),
            not null => throw new ModelException(
                ModelFailure.BadConfiguration,
                $"{files.Config} names neither an architecture (timm) nor a model_type (Hugging Face). "
                    + $"Give CheckpointOptions.Architecture, e.g. {NamedArchitectures.Examples}."
            ),
            null => throw new ModelException(
                ModelFailure.BadConfiguration,
                $"{path} has no config.json, so its architecture is unknown. "
                    + $"Give CheckpointOptions.Architecture, e.g. {NamedArchitectures.Examples}."
            ),
        };
        described = described with { Config = placed.Complete(described.Config, path) };
        if (options.ClassNames is null && described is { ClassNames: null, IsFineTuned: false })
            RefuseEmbedding(described.Config);
        return options.Heads is { } heads ? described with { Config = described.Config with { Heads = heads } } : described;
    }

    /// <summary>
    /// Refuses the heads of OpenAI's CLIP and OpenCLIP, which project to the space shared with text and predict no classes. They are
    /// recognised by the number of outputs: a fine-tuned model keeps the weights' tag.
    /// </summary>
    private static void RefuseEmbedding(ViTConfig config)
    {
        if (
            config.PreNorm && config.Classes is 512 or 640 or 768 or 1024 or 1280
            || NamedArchitectures.EndsInEmbedding(config.Architecture, config.Classes)
        )
            throw new ModelException(
                ModelFailure.NoClassifier,
                $"{config.Architecture} ends in a CLIP embedding of {config.Classes} values, not in classes. "
                    + "Use a fine-tuned model (..._ft_in12k_in1k), or name its outputs with CheckpointOptions.ClassNames."
            );
    }

    /// <summary>Checks the ranges of sizes, which come from untrusted files, before anything is allocated.</summary>
    internal static void Validate(ViTConfig config, string path)
    {
        InRange(config.Width, 1 << 16, "width");
        InRange(config.Depth, 1_000, "depth");
        InRange(config.Heads, config.Width, "number of heads");
        InRange(config.MlpWidth, 1 << 20, "MLP width");
        InRange(config.Classes, 1 << 20, "number of classes");
        InRange(config.PatchSize, 1 << 10, "patch size");
        InRange(config.ImageHeight, 1 << 13, "image height");
        InRange(config.ImageWidth, 1 << 13, "image width");
        InRange(config.Registers + 1, 1 << 10, "number of register tokens");
        if (config.Width % config.Heads != 0)
            throw Wrong($"a width of {config.Width} is not divisible by {config.Heads} heads");
        if (config.ImageHeight % config.PatchSize != 0 || config.ImageWidth % config.PatchSize != 0)
            throw Wrong($"an input of {config.ImageHeight} x {config.ImageWidth} is not divisible into patches of {config.PatchSize}");
        if (config.RotaryTemperature is not null && config.HeadWidth % 4 != 0)
            throw Wrong($"a head width of {config.HeadWidth} is not divisible by 4, which rotary positions need");
        if (!(config.LayerNormEpsilon is > 0 and < 1))
            throw Wrong($"an epsilon of {config.LayerNormEpsilon} is out of range (above 0, below 1)");

        void InRange(int value, int maximum, string what)
        {
            if (value < 1 || value > maximum)
                throw Wrong($"a {what} of {value} is out of range (1 to {maximum})");
        }

        ModelException Wrong(string why) =>
            new(ModelFailure.BadConfiguration, $"The configuration of {path} is invalid: {why}. Correct it.");
    }
}
