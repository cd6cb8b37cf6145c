using System.CommandLine;
using AgCam.Attribution;
using AgCam.Cli.Explaining;
using AgCam.Cli.Terminal;
using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Labels;
using AgCam.Models;

namespace AgCam.Cli.Options;

/// <summary>Options of `agcam explain` except those of model and device.</summary>
internal sealed class ExplainSettings
{
    private readonly Argument<string[]> _paths = new("PATH")
    {
        Description = "Images, folders, globs; - reads a list of paths from stdin.",
        Arity = ArgumentArity.OneOrMore,
    };
    private readonly Option<string[]> _targets = new("--target", "-t")
    {
        Description = "What to explain: predicted, label, a class index or name, top:K, A-vs-B. Repeatable. Default: predicted.",
        HelpName = "TARGET",
    };
    private readonly Option<double> _gamma = new("--gamma")
    {
        Description = "Weight of B in A-vs-B.",
        DefaultValueFactory = _ => 1,
        HelpName = "WEIGHT",
    };
    private readonly Option<string> _method = new("--method")
    {
        Description =
            $"The attribution method: {AttributionMethod.Names}. agcam is the paper's; agcam-pooled is for models whose classifier "
            + "averages the patches; patents claim transformer-attribution for commercial use.",
        DefaultValueFactory = _ => AttributionMethod.Paper,
        HelpName = "NAME",
    };
    private readonly Option<bool> _signed = new("--signed") { Description = "Also compute the map of evidence against each class." };
    private readonly Option<double> _threshold = new("--threshold")
    {
        Description = "Threshold of the normalised map, in [0, 1]: cells above it form boxes.",
        DefaultValueFactory = _ => 0.5,
        HelpName = "SHARE",
    };
    private readonly Option<BoxSelection> _boxes = new("--boxes")
    {
        Description = "Boxes to report: all (default) or largest.",
        HelpName = "all|largest",
    };
    private readonly Option<string?> _out = new("--out", "-o")
    {
        Description = "Folder for explanations.jsonl, provenance and pictures. A second run skips finished images.",
        HelpName = "FOLDER",
    };
    private readonly Option<string[]> _save = new("--save")
    {
        Description = "Pictures below --out: none, overlay (default), strip or overlay,strip.",
        HelpName = "none|overlay|strip",
    };
    private readonly Option<bool> _classInNames = new("--class-in-names")
    {
        Description = "Put the class into the names of pictures: cat.tabby.overlay.png.",
    };
    private readonly Option<string> _colormap = new("--colormap")
    {
        Description = "Colormap: inferno, turbo, viridis, cividis, jet (the paper's), or diverging with --signed.",
        DefaultValueFactory = _ => "inferno",
        HelpName = "NAME",
    };
    private readonly Option<double> _opacity = new("--opacity")
    {
        Description = "Opacity of the heatmap at its maximum, in [0, 1].",
        DefaultValueFactory = _ => new PictureOptions().Opacity,
        HelpName = "SHARE",
    };
    private readonly Option<bool> _json = new("--json") { Description = "Write one JSON object per line to stdout." };
    private readonly Option<bool> _raw = new("--raw") { Description = "Add raw heatmap values (row-major) and the embedding to the rows." };
    private readonly Option<bool> _noEmbedding = new("--no-embedding") { Description = "Leave the embedding out of the rows of --raw." };
    private readonly Option<int> _batch = new("--batch", "-b")
    {
        Description = "Images per forward pass.",
        DefaultValueFactory = _ => 8,
        HelpName = "N",
    };
    private readonly Option<long> _maxFailures = new("--max-failures")
    {
        Description = "Failed images that are allowed; more give exit code 3.",
        DefaultValueFactory = _ => 0,
        HelpName = "N",
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
    private readonly Option<string?> _labels = new("--labels")
    {
        Description = "Labels: a CSV, JSONL or Parquet file (path, label), or `parent` for class folders.",
        HelpName = "FILE|parent",
    };
    private readonly Option<string?> _labelColumns = new("--label-columns")
    {
        Description = "Names of the two columns in that file.",
        HelpName = "PATH,LABEL",
    };
    private readonly Option<string?> _summary = SummaryFile.Option();
    private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = "Show no progress and no summary." };

    public ExplainSettings()
    {
        _colormap.AcceptOnly([.. Colormap.All.Select(map => map.Name)]);
        _method.AcceptOnly([.. AttributionMethod.All.Select(method => method.Name)]);
        _save.CompletionSources.Add("none", "overlay", "strip", "overlay,strip");
        _save.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(token => Saved([token.Value]) is null))
                result.AddError($"--save takes none, overlay, strip or overlay,strip, not \"{token.Value}\".");
        });
        _targets.CompletionSources.Add("predicted", "label", "top:5");
        _paths.Validators.Add(result =>
        {
            // A mistyped option would be taken for a path.
            foreach (var token in result.Tokens.Where(token => token.Value is ['-', _, ..] && !File.Exists(token.Value)))
                result.AddError($"There is no option and no file {token.Value}.");
        });
        _threshold.Within(0, 1);
        _opacity.Within(0, 1);
        _gamma.Within(0, 1000);
        _batch.Within(1, 4096);
        _maxFailures.Within(0, long.MaxValue);
        _maxPixels.Within(1, 1L << 29);
        _maxBytes.Within(1, int.MaxValue);
    }

    public void AddTo(Command command)
    {
        command.Arguments.Add(_paths);
        Option[] all =
        [
            _targets,
            _method,
            _out,
            _save,
            _classInNames,
            _json,
            _raw,
            _noEmbedding,
            _threshold,
            _boxes,
            _gamma,
            _signed,
            _labels,
            _labelColumns,
            _batch,
            _maxFailures,
            _maxPixels,
            _maxBytes,
            _colormap,
            _opacity,
            _summary,
            _quiet,
        ];
        foreach (var option in all)
            command.Options.Add(option);
    }

    /// <summary>Refuses invalid settings before a model is loaded.</summary>
    /// <exception cref="UsageException">Options do not fit together.</exception>
    public void Check(ParseResult parsed)
    {
        var save = Saved(parsed.GetValue(_save));
        if (parsed.GetValue(_out) is null && save is not (null or SavedPictures.None))
            throw new UsageException("--save needs a folder for the pictures: give --out FOLDER too.");
        if (parsed.GetValue(_classInNames) && (parsed.GetValue(_out) is null || save == SavedPictures.None))
            throw new UsageException("--class-in-names is for pictures: give --out FOLDER, and no --save none.");
        if (parsed.GetValue(_labels) is { } labels && Directory.Exists(labels))
            throw new UsageException(
                $"--labels {labels} is a folder; --labels takes a file. Did you mean --labels parent, which reads class folders?"
            );
        var colormap = Colormap.ByName(parsed.GetValue(_colormap)!);
        if (colormap == Colormap.Diverging && !parsed.GetValue(_signed))
            throw new UsageException("The colormap diverging shows evidence for and against: give --signed too.");
    }

    /// <summary>Refuses a method that is not for the model before its weights are loaded.</summary>
    /// <exception cref="UsageException">The method does not fit the model or the options.</exception>
    public void Check(ParseResult parsed, Checkpoint checkpoint)
    {
        var options = new ExplainOptions { Method = Method(parsed), Signed = parsed.GetValue(_signed) };
        ThrowIfRefused(options, checkpoint.Config);
    }

    public AttributionMethod Method(ParseResult parsed) => AttributionMethod.Find(parsed.GetValue(_method)!)!;

    /// <summary>Returns the pictures that the values name; null without a value and for a wrong one.</summary>
    private static SavedPictures? Saved(string[]? values)
    {
        var words = (values ?? []).SelectMany(value => value.Split(',', StringSplitOptions.TrimEntries)).ToHashSet();
        return words.Count == 0 || words.Except(["none", "overlay", "strip"]).Any() || (words.Contains("none") && words.Count > 1)
            ? null
            : words.Aggregate(SavedPictures.None, (pictures, word) => pictures | Enum.Parse<SavedPictures>(word, ignoreCase: true));
    }

    private static void ThrowIfRefused(ExplainOptions options, ViTConfig config)
    {
        if (options.Refusal(config) is { } refusal)
            throw new UsageException(refusal.Reason);
    }

    public ExplainRun Read(ParseResult parsed, Explainer explainer)
    {
        string[] targets = parsed.GetValue(_targets) is { Length: > 0 } given ? given : ["predicted"];
        Target[] read = [.. targets.Select(target => Target.Parse(target, explainer.Classes))];
        if (parsed.GetValue(_labels) is null && Array.FindIndex(read, target => target.NeedsLabel) is >= 0 and var needy)
            throw new UsageException(
                $"--target {targets[needy]} explains each image's label: say where labels come from with --labels FILE, or "
                    + $"--labels parent for class folders."
            );
        var options = new ExplainOptions
        {
            Targets = read,
            Gamma = parsed.GetValue(_gamma),
            Signed = parsed.GetValue(_signed),
            Method = Method(parsed),
            Threshold = parsed.GetValue(_threshold),
            Boxes = parsed.GetValue(_boxes),
            WithEmbedding = parsed.GetValue(_raw) && !parsed.GetValue(_noEmbedding),
        };
        ThrowIfRefused(options, explainer.Config);
        return new ExplainRun
        {
            Paths = parsed.GetValue(_paths)!,
            Targets = targets,
            Options = options,
            Limits = new ImageLimits { MaxPixels = parsed.GetValue(_maxPixels), MaxBytes = parsed.GetValue(_maxBytes) },
            Batch = parsed.GetValue(_batch),
            Out = parsed.GetValue(_out),
            Save = parsed.GetValue(_out) is null ? SavedPictures.None : Saved(parsed.GetValue(_save)) ?? SavedPictures.Overlay,
            ClassInNames = parsed.GetValue(_classInNames),
            Pictures = new PictureOptions { Colormap = Colormap.ByName(parsed.GetValue(_colormap)!), Opacity = parsed.GetValue(_opacity) },
            Json = parsed.GetValue(_json),
            Raw = parsed.GetValue(_raw),
            Quiet = parsed.GetValue(_quiet),
            SummaryFile = parsed.GetValue(_summary),
            MaxFailures = parsed.GetValue(_maxFailures),
        };
    }

    public ImageLabels? Labels(ParseResult parsed, Explainer explainer)
    {
        (string, string)? columns = parsed.GetValue(_labelColumns)?.Split(',') switch
        {
            null => null,
            [var path, var label] => (path.Trim(), label.Trim()),
            _ => throw new UsageException("--label-columns takes two names, e.g. --label-columns file,truth."),
        };
        return parsed.GetValue(_labels) switch
        {
            null => null,
            "parent" => ImageLabels.FromFolders(explainer.Classes),
            var file => ImageLabels.FromFile(file, explainer.Classes, [.. parsed.GetValue(_paths)!.Where(Directory.Exists)], columns),
        };
    }
}
