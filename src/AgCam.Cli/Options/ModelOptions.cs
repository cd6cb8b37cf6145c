using System.CommandLine;
using System.Globalization;
using AgCam.Cli.Terminal;
using AgCam.Evaluation.Presets;
using AgCam.Labels;
using AgCam.Models;
using AgCam.Models.Hub;
using AgCam.Preprocessing;
using AgCam.Scenes;

namespace AgCam.Cli.Options;

/// <summary>Model and its overrides: options of every verb that loads a model.</summary>
/// <param name="asArgument">Whether MODEL is an argument instead of the option --model.</param>
internal sealed class ModelOptions(bool asArgument = false)
{
    /// <summary>Name of the shipped model, which is the default.</summary>
    private const string ShippedName = "scenes";

    private readonly Argument<string> _argument = new("MODEL") { Description = "A folder, a weights file or a Hub id." };
    private readonly Option<string> _model = new("--model", "-m")
    {
        Description =
            "Model: a folder (Hugging Face or timm layout), a .safetensors file, or a Hub id (org/name@revision). Default: "
            + "scenes, the shipped model.",
        HelpName = "MODEL",
    };
    private readonly Option<string?> _architecture = new("--arch")
    {
        Description = "Architecture of bare weights, e.g. vit_base_patch16_224.",
        HelpName = "NAME",
    };
    private readonly Option<int?> _imageSize = new("--image-size")
    {
        Description = "Input side in pixels. Default: the checkpoint's.",
        HelpName = "PIXELS",
    };
    private readonly Option<float[]?> _mean = Channels("--mean", "Mean of red, green, blue in [0, 1], e.g. 0.5,0.5,0.5.");
    private readonly Option<float[]?> _std = Channels("--std", "Standard deviation of red, green, blue.");
    private readonly Option<double?> _cropPct = new("--crop-pct")
    {
        Description = "Share of the resized picture that the centre crop keeps, in (0, 1].",
        HelpName = "SHARE",
    };
    private readonly Option<CropMode?> _cropMode = new("--crop-mode")
    {
        Description = "Crop mode: squash, center or border.",
        HelpName = "MODE",
    };
    private readonly Option<Interpolation?> _interpolation = new("--interpolation")
    {
        Description = "Interpolation: nearest, bilinear, bicubic or lanczos.",
        HelpName = "NAME",
    };
    private readonly Option<int?> _heads = new("--heads")
    {
        Description = "Number of attention heads, for weights without a configuration.",
        HelpName = "N",
    };
    private readonly Option<FileInfo?> _classes = new("--classes")
    {
        Description = "Class names in the order of the model's outputs: one name per line, a JSON list, or {\"0\": \"name\"}.",
        HelpName = "FILE",
    };

    public void AddTo(Command command)
    {
        if (asArgument)
            command.Arguments.Add(_argument);
        else
            command.Options.Add(_model);
        Option[] all = [_classes, _architecture, _imageSize, _mean, _std, _cropPct, _cropMode, _interpolation, _heads];
        foreach (var option in all)
            command.Options.Add(option);
    }

    /// <exception cref="ModelException">The model cannot be used.</exception>
    /// <param name="pooled">Whether the method is for models that average the patches.</param>
    public async Task<Checkpoint> OpenAsync(
        ParseResult parsed,
        CancellationToken cancellationToken,
        bool pooled = false,
        PaperPreset? preset = null
    )
    {
        var model = preset is null ? Reference(parsed) : parsed.GetValue(_model) ?? $"{PaperPreset.Model}@{PaperPreset.Revision}";
        var options = Checkpointing(parsed) with { Pooled = pooled };
        using var progress = new DownloadProgress(parsed.Console);
        return await ModelReference.ResolveAsync(
            model,
            new ModelSources
            {
                Hub = HubOptions.FromEnvironment(parsed.Console.Variable),
                Shipped = ShippedFolder,
                Progress = progress,
            },
            preset is null ? options : Over(preset, options),
            cancellationToken
        );
    }

    /// <summary>Returns the name of the server's model; null for its only one.</summary>
    /// <exception cref="UsageException">An option overrides how the model is read, which only the server decides.</exception>
    public string? OfServer(ParseResult parsed)
    {
        Option[] reading = [_classes, _architecture, _imageSize, _mean, _std, _cropPct, _cropMode, _interpolation, _heads];
        return reading.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } given
            ? throw new UsageException($"{given.Name} is not possible with --url: the server has its own models.")
            : parsed.GetValue(_model);
    }

    /// <summary>Returns the model as named on the command line.</summary>
    public string Reference(ParseResult parsed) =>
        (asArgument ? parsed.GetValue(_argument) : parsed.GetValue(_model))
        ?? (
            ShippedFolder(ShippedName) is not null
                ? ShippedName
                : throw new UsageException("No model is named. Give --model: a folder, a .safetensors file or a Hub id.")
        );

    /// <summary>Returns the local model that was named; null when none was.</summary>
    /// <returns>Its name and path.</returns>
    public (string Name, string Path)? Named(ParseResult parsed)
    {
        if (parsed.GetValue(_model) is not { } text)
            return null;
        var path = ShippedFolder(text) ?? text;
        return System.IO.Path.Exists(path)
            ? (text, path)
            : throw new UsageException($"--model {text} is no folder and no file. Download it with `agcam models pull`.");
    }

    /// <summary>Returns whether the model is on this machine, so that nothing is downloaded.</summary>
    public bool IsHere(ParseResult parsed) =>
        parsed.GetValue(_model) is not { } text
            ? ShippedFolder(ShippedName) is not null
            : ShippedFolder(text) is not null || System.IO.Path.Exists(text);

    public CheckpointOptions Checkpointing(ParseResult parsed) =>
        new()
        {
            Architecture = parsed.GetValue(_architecture),
            ImageSize = parsed.GetValue(_imageSize),
            Mean = parsed.GetValue(_mean) is { Length: 3 } mean ? mean : null,
            Std = parsed.GetValue(_std) is { Length: 3 } std ? std : null,
            CropPct = parsed.GetValue(_cropPct),
            CropMode = parsed.GetValue(_cropMode),
            Interpolation = parsed.GetValue(_interpolation),
            Heads = parsed.GetValue(_heads),
            ClassNames = parsed.GetValue(_classes) is { } file ? ClassNamesFile.Read(file.FullName) : null,
        };

    private static CheckpointOptions Over(PaperPreset preset, CheckpointOptions options)
    {
        try
        {
            return preset.Over(options);
        }
        catch (ArgumentException error)
        {
            throw new UsageException(error.Message);
        }
    }

    /// <summary>Returns the class names of --classes, by index.</summary>
    public IReadOnlyList<string>? ClassNames(ParseResult parsed) => Checkpointing(parsed).ClassNames;

    private static string? ShippedFolder(string name) => name == ShippedName && Directory.Exists(Shipped.Model) ? Shipped.Model : null;

    private static Option<float[]?> Channels(string name, string description) =>
        new(name)
        {
            Description = description,
            HelpName = "R,G,B",
            CustomParser = result =>
            {
                var texts = result.Tokens[0].Value.Split(',', StringSplitOptions.TrimEntries);
                var values = new float[3];
                for (var i = 0; i < 3; i++)
                    if (texts.Length != 3 || !float.TryParse(texts[i], NumberStyles.Float, CultureInfo.InvariantCulture, out values[i]))
                    {
                        result.AddError($"{name} {result.Tokens[0].Value}: three numbers are needed, e.g. {name} 0.485,0.456,0.406.");
                        return null;
                    }

                return values;
            },
        };
}
