using System.CommandLine;
using AgCam.Attribution;
using AgCam.Evaluation;
using AgCam.Evaluation.Datasets;
using AgCam.Evaluation.Presets;
using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Scenes;

namespace AgCam.Cli.Evaluating;

/// <summary>Options of `agcam evaluate`, without those of model and device.</summary>
internal sealed class EvaluationSettings
{
    private readonly Argument<string?> _dataset = new("DATASET")
    {
        Description =
            "A folder with metadata.jsonl, .csv or .parquet; class folders; an ILSVRC, VOC or CUB-200 folder; a COCO .json; or "
            + "scenes, the shipped pictures.",
        Arity = ArgumentArity.ZeroOrOne,
    };
    private readonly Option<string> _methods = new("--methods")
    {
        Description =
            $"Comma separated: {string.Join(", ", AttributionMethod.Measured.Select(m => m.Name))}; or all. transformer-attribution "
            + $"is not in all: patents claim its relevance propagation for commercial use. agcam-pooled is for models that average "
            + $"the patches.",
        DefaultValueFactory = _ => "agcam, rollout, generic, last-layer, random, centre-box",
        HelpName = "NAMES",
    };
    private readonly Option<string> _metrics = new("--metrics")
    {
        Description =
            $"Comma separated: {string.Join(", ", Enum.GetNames<MetricFamily>().Select(n => n.ToLowerInvariant()))}; or all. "
            + $"Perturbation costs 20 forward passes per image and method, insertion two per row of pixels.",
        DefaultValueFactory = _ => "localization, pointing",
        HelpName = "NAMES",
    };
    private readonly Option<string[]> _heatmaps = new("--heatmaps")
    {
        Description =
            "Also measure these: a folder of .npy files, an .npz or .safetensors file, by the image's path in the dataset. Repeatable.",
        HelpName = "NAME=PATH",
    };
    private readonly Option<DatasetLayout> _layout = new("--layout")
    {
        Description = "auto (default), metadata, folders, voc, ilsvrc, cub or coco.",
        HelpName = "LAYOUT",
    };
    private readonly Option<string?> _images = new("--images")
    {
        Description = "Folder of the images, if they are not next to the annotations.",
        HelpName = "FOLDER",
    };
    private readonly Option<double> _threshold = new("--threshold")
    {
        Description = "Threshold of the normalised map for boxes. A multiple of 0.001.",
        DefaultValueFactory = _ => 0.5,
        HelpName = "SHARE",
    };
    private readonly Option<Parity> _parity = new("--parity")
    {
        Description = "none (default), or paper: the five localisation scores and the perturbation test with the authors' arithmetic.",
        HelpName = "none|paper",
    };
    private readonly Option<string?> _preset = new("--preset")
    {
        Description =
            $"{PaperPreset.Name}: the paper's evaluation. DATASET is an ILSVRC folder; model, preprocessing, classes, threshold "
            + $"and parity are the paper's. Deviations are listed.",
        HelpName = "NAME",
    };
    private readonly Option<bool> _partial = new("--partial") { Description = "With --preset: accept a part of the dataset." };
    private readonly Option<string?> _published = new("--published")
    {
        Description = "Published results to compare with: JSON, {\"source\": \"...\", \"methods\": {\"agcam\": {\"iou\": 0.5}}}.",
        HelpName = "FILE",
    };
    private readonly Option<int> _batch = new("--batch", "-b")
    {
        Description = "Images per forward pass.",
        DefaultValueFactory = _ => 8,
        HelpName = "N",
    };
    private readonly Option<int> _maskedBatch = new("--masked-batch")
    {
        Description = "Masked pictures per forward pass.",
        DefaultValueFactory = _ => 20,
        HelpName = "N",
    };
    private readonly Option<string> _shard = new("--shard")
    {
        Description = "Only this part of the dataset, e.g. 2/4; give --rows too.",
        DefaultValueFactory = _ => "1/1",
        HelpName = "I/N",
    };
    private readonly Option<string?> _rows = new("--rows")
    {
        Description =
            "Write the measurements of each image to this file as JSON lines. After an interruption the same command continues there.",
        HelpName = "FILE",
    };
    private readonly Option<string[]> _merge = new("--merge")
    {
        Description = "Merge files of --rows, instead of measuring a dataset.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "FILE...",
    };
    private readonly Option<string?> _key = new("--key")
    {
        Description = "With --url: idempotency key of the job. The same key follows the same job.",
        HelpName = "KEY",
    };
    private readonly Option<int?> _weight = new("--weight")
    {
        Description = "With --url: weight of the job against other running jobs, 1 to 100. Default 1.",
        HelpName = "N",
    };
    private readonly Option<string[]> _tags = new("--tag") { Description = "With --url: tag of the job. Repeatable.", HelpName = "TAG" };
    private readonly Option<bool> _json = new("--json") { Description = "Write one JSON object to stdout." };
    private readonly Option<string?> _csv = new("--csv") { Description = "Also write the result as CSV.", HelpName = "FILE" };
    private readonly Option<string?> _html = new("--html")
    {
        Description = "Also write a self-contained page with tables, curves, classes and pictures.",
        HelpName = "FILE",
    };
    private readonly Option<long> _maxPixels = new("--max-pixels")
    {
        Description = "Maximum pixels of an image (width x height).",
        DefaultValueFactory = _ => ImageLimits.Default.MaxPixels,
        HelpName = "N",
    };
    private readonly Option<long> _maxBytes = new("--max-bytes")
    {
        Description = "Maximum bytes of an image file.",
        DefaultValueFactory = _ => ImageLimits.Default.MaxBytes,
        HelpName = "N",
    };
    private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = "No progress." };

    public void AddTo(Command command)
    {
        command.Arguments.Add(_dataset);
        Option[] all =
        [
            _methods,
            _metrics,
            _heatmaps,
            _layout,
            _images,
            _threshold,
            _parity,
            _preset,
            _partial,
            _published,
            _batch,
            _maskedBatch,
            _shard,
            _rows,
            _merge,
            _key,
            _weight,
            _tags,
            _json,
            _csv,
            _html,
            _maxPixels,
            _maxBytes,
            _quiet,
        ];
        foreach (var option in all)
            command.Options.Add(option);
    }

    public IReadOnlyList<string> Merge(ParseResult parsed) => parsed.GetValue(_merge) ?? [];

    /// <summary>Returns the dataset as the command line names it, or the files of rows that are merged.</summary>
    public string DatasetName(ParseResult parsed) => parsed.GetValue(_dataset) ?? $"rows of {string.Join(", ", Merge(parsed))}";

    public bool Json(ParseResult parsed) => parsed.GetValue(_json);

    public string? Rows(ParseResult parsed) => parsed.GetValue(_rows);

    /// <exception cref="DatasetException">The file contains none.</exception>
    public PublishedNumbers? Published(ParseResult parsed) => parsed.GetValue(_published) is { } file ? PublishedNumbers.Read(file) : null;

    /// <summary>Returns the settings of the job.</summary>
    /// <exception cref="UsageException">Something is asked for that only one process can do.</exception>
    public RemoteEvaluation Job(ParseResult parsed, EvaluationRun run)
    {
        Option[] local = [_heatmaps, _preset, _partial, _shard, _merge, _maxPixels, _maxBytes];
        if (local.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } given)
            throw new UsageException($"{given.Name} is not possible with --url: {Instead(given)}.");
        if (run.Batch > ExplainImages.MaxReferences)
            throw new UsageException($"--batch {run.Batch}: a job's batches have {ExplainImages.MaxReferences} images at most.");
        return new RemoteEvaluation(run, parsed.GetValue(_key), parsed.GetValue(_weight), parsed.GetValue(_tags) ?? []);
    }

    private string Instead(Option given) =>
        given switch
        {
            _ when given == _maxPixels || given == _maxBytes => "the server's limits apply (Pipeline:References:Limits)",
            _ when given == _heatmaps || given == _preset || given == _partial =>
                "heatmaps and presets need this machine. Run without --url, or on several machines with --shard and then --merge",
            _ => "a job measures and merges the whole dataset",
        };

    /// <exception cref="UsageException">Something is asked for that only a job has.</exception>
    public void RefuseJobs(ParseResult parsed)
    {
        Option[] remote = [_key, _weight, _tags];
        if (remote.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } given)
            throw new UsageException($"{given.Name} is for a job: name the server with --url.");
    }

    public string? Csv(ParseResult parsed) => parsed.GetValue(_csv);

    public string? Html(ParseResult parsed) => parsed.GetValue(_html);

    /// <summary>Refuses invalid settings before a model is loaded.</summary>
    public EvaluationRun Read(ParseResult parsed)
    {
        var merging = Merge(parsed).Count > 0;
        if (merging == parsed.GetValue(_dataset) is not null)
            throw new UsageException(
                merging
                    ? "--merge takes only files of rows: remove the dataset."
                    : "No dataset is named. Give a folder or an annotation file, or --merge with files of rows."
            );
        var shard = Usage(() => Shard.Parse(parsed.GetValue(_shard)!));
        if (shard.Count > 1 && Rows(parsed) is null)
            throw new UsageException("A shard measures only a part: give --rows FILE, and merge the parts with --merge.");
        var threshold = parsed.GetValue(_threshold);
        if (!EvaluationOptions.IsThreshold(threshold))
            throw new UsageException(
                FormattableString.Invariant($"--threshold {threshold}: a multiple of 0.001 from 0 to 0.999 is needed.")
            );
        if (parsed.GetValue(_batch) is < 1 or > 4096 || parsed.GetValue(_maskedBatch) is < 1 or > 4096)
            throw new UsageException("--batch and --masked-batch take a number from 1 to 4096.");
        var dataset = parsed.GetValue(_dataset);
        var preset = Preset(parsed);
        return new EvaluationRun
        {
            Dataset = dataset == "scenes" && !Path.Exists(dataset) ? Shipped.Pictures : dataset,
            Layout = preset ? DatasetLayout.Ilsvrc : parsed.GetValue(_layout),
            Images = parsed.GetValue(_images),
            Options = new EvaluationOptions
            {
                Methods = Usage(() =>
                    (AttributionMethod[])
                        [
                            .. AttributionMethod.Select(preset && IsUnset(_methods) ? PresetMethods : Names(_methods)),
                            .. (parsed.GetValue(_heatmaps) ?? []).Select(Given),
                        ]
                ),
                Families = [.. (preset && IsUnset(_metrics) ? PresetMetrics : Names(_metrics)).SelectMany(Families).Distinct().Order()],
                Threshold = threshold,
                Parity = preset ? Parity.Paper : parsed.GetValue(_parity),
                MaskedBatch = parsed.GetValue(_maskedBatch),
            },
            Limits = new ImageLimits { MaxPixels = parsed.GetValue(_maxPixels), MaxBytes = parsed.GetValue(_maxBytes) },
            Batch = parsed.GetValue(_batch),
            Shard = shard,
            Preset = preset,
            Partial = parsed.GetValue(_partial),
            Quiet = parsed.GetValue(_quiet),
        };

        bool IsUnset(Option option) => parsed.GetResult(option) is null or { Implicit: true };

        string[] Names(Option<string> option) =>
            parsed.GetValue(option)!.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                is { Length: > 0 } names
                ? names
                : throw new UsageException($"{option.Name} names nothing.");
    }

    private static readonly string[] PresetMethods = ["agcam", "rollout"];
    private static readonly string[] PresetMetrics = ["localization", "perturbation"];

    /// <summary>Whether the preset is requested, without options that it fixes.</summary>
    private bool Preset(ParseResult parsed)
    {
        if (parsed.GetValue(_preset) is not { } name)
            return parsed.GetValue(_partial) ? throw new UsageException("--partial needs --preset.") : false;
        if (name != PaperPreset.Name)
            throw new UsageException($"There is no preset \"{name}\": there is {PaperPreset.Name}.");
        if (
            parsed.GetValue(_threshold) != PaperPreset.Threshold
            || parsed.GetValue(_layout) is not (DatasetLayout.Auto or DatasetLayout.Ilsvrc)
            || (parsed.GetResult(_parity) is { Implicit: false } && parsed.GetValue(_parity) != Parity.Paper)
        )
            throw new UsageException($"--preset {name} fixes --threshold, --layout and --parity: leave them out.");
        return true;
    }

    private static AttributionMethod Given(string text)
    {
        if (text.Split('=', 2) is not [var name, { Length: > 0 } path])
            throw new UsageException($"--heatmaps {text}: NAME=PATH is meant.");
        var maps = GivenHeatmaps.Open(path); // for as long as the process lives
        return AttributionMethod.Given(name, maps.Find);
    }

    private static MetricFamily[] Families(string name) =>
        name.Equals("all", StringComparison.OrdinalIgnoreCase) ? Enum.GetValues<MetricFamily>()
        : Enum.TryParse<MetricFamily>(name, ignoreCase: true, out var family) && Enum.IsDefined(family) && !char.IsAsciiDigit(name[0])
            ? [family]
        : throw new UsageException(
            $"There are no metrics \"{name}\". Known metrics are "
                + $"{string.Join(", ", Enum.GetNames<MetricFamily>().Select(n => n.ToLowerInvariant()))}, and all."
        );

    private static T Usage<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception error) when (error is FormatException or ArgumentException)
        {
            throw new UsageException(error.Message);
        }
    }
}
