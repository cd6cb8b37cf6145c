using System.CommandLine;
using System.Globalization;
using AgCam.Audit;
using AgCam.Audit.Findings;
using AgCam.Audit.Gates;
using AgCam.Audit.Output;
using AgCam.Audit.Predictions;
using AgCam.Audit.Stored;
using AgCam.Cli.Comparing;
using AgCam.Cli.Options;
using AgCam.Cli.Remote;
using AgCam.Cli.Serving;
using AgCam.Cli.Terminal;
using AgCam.Labels;
using AgCam.Pipeline;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Records;

namespace AgCam.Cli.Auditing;

/// <summary>agcam audit: ranks the images of a dataset for review.</summary>
internal sealed class AuditVerb
{
    private readonly ServiceOptions _services = new();
    private readonly RemoteOptions _remote = new(isOptional: true);

    private readonly Argument<string?> _source = new("SOURCE")
    {
        Description =
            "A folder, a manifest (.csv, .jsonl, .parquet) or an annotated dataset (COCO, VOC, ILSVRC, CUB-200), whose images are "
            + "explained "
            + "first where that is not done yet; or the id of a completed job, or its first characters.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _splits = new("--splits")
    {
        Description = "Column of a manifest with the split of each image. Default: split.",
        HelpName = "COLUMN",
    };

    private readonly Option<string?> _findings = new("--findings")
    {
        Description = $"Findings, separated by commas. Default: all of {string.Join(", ", FindingList.Names)}.",
        HelpName = "NAMES",
    };

    private readonly Option<string?> _predictions = new("--predictions")
    {
        Description =
            "Class probabilities of another program: .npy or .npz [images, classes], or a table with a column per class (CSV, JSON lines, "
            + "Parquet). Cross-validate, so that no model judges the images that it was trained on.",
        HelpName = "FILE",
    };

    private readonly Option<string?> _labels = new("--labels")
    {
        Description =
            "Given labels. Of a folder: parent, the name of the first folder below it. With --predictions: .npy or .npz with a class index "
            + "per image, or a table with a label column and perhaps a path column; default is its own label column.",
        HelpName = "parent|FILE",
    };

    private readonly Option<FileInfo?> _classes = new("--classes")
    {
        Description = "Class names by index: one per line, or JSON. Default: the column names of --predictions.",
        HelpName = "FILE",
    };

    private readonly Option<double> _threshold = new("--label-threshold")
    {
        Description = "Probability of the label below which an image counts, when another class is predicted.",
        DefaultValueFactory = _ => 0.2,
        HelpName = "P",
    };

    private readonly Option<string> _top = new("--top")
    {
        Description = "Number of images that a finding lists, worst first, or all.",
        DefaultValueFactory = _ => "20",
        HelpName = "N|all",
    };

    private readonly Option<int> _confirm = new("--confirm")
    {
        Description =
            "Tests suspected classes on the model with N of their images and N others each: erases the suspected patches and pastes them "
            + "into other classes. 0 leaves it out.",
        DefaultValueFactory = _ => 64,
        HelpName = "N",
    };

    private readonly Option<string?> _failOn = new("--fail-on")
    {
        Description =
            "Gates, such as label:2%, label:20 or fixed-position:confirmed: exit code 1 when a finding counts more images, or a class is "
            + "confirmed.",
        HelpName = "GATES",
    };

    private readonly Option<string?> _out = new("--out", "-o")
    {
        Description =
            "Folder for report.html, audit.json, findings.csv, findings.jsonl, findings.parquet (cleanlab's column names), "
            + "corrected-labels.csv, metrics.json, junit.xml, pictures of the interventions, and of a job also coco.json and fiftyone/.",
        HelpName = "DIR",
    };

    private readonly Option<string?> _key = new("--key")
    {
        Description = "With --url: idempotency key. The same key with the same audit is the same job.",
        HelpName = "KEY",
    };

    private readonly Option<bool> _json = new("--json") { Description = "Prints the report as one JSON object." };

    public static Command Create() => new AuditVerb().Build();

    private Command Build()
    {
        _threshold.Within(0, 1);
        _confirm.Within(0, 100_000);
        _top.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(token => !IsTop(token.Value)))
                result.AddError($"--top takes a whole number or all, not \"{token.Value}\".");
        });
        var command = new Command(
            "audit",
            "Ranks the images and classes of a dataset for review: labels, copies, quality, and where the model looked."
        )
        {
            _source,
            _predictions,
            _labels,
            _classes,
            _splits,
            _findings,
            _threshold,
            _top,
            _confirm,
            _failOn,
            _out,
            _key,
            _json,
        };
        _services.AddTo(command, api: false, worker: true, bus: false);
        _remote.AddTo(command);
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, cancellationToken));
        return command.WithExamples(
            new Example("What is wrong with this dataset?", "agcam audit photos/ --model vit/ --labels parent --out audit"),
            new Example("Which labels are probably wrong?", "agcam audit --predictions probs.npy --labels labels.npy"),
            new Example("With class names, and files to work with", "agcam audit --predictions probs.csv --labels labels.csv --out audit"),
            new Example("Does the model use a watermark?", "agcam audit photos/ --model vit/ --fail-on fixed-position:confirmed"),
            new Example("By the workers of a server", "agcam audit /data/photos --labels parent --url http://agcam:8080 --out audit"),
            new Example("As a gate in CI", "agcam audit --predictions probs.parquet --fail-on label:2% --out audit")
        );
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        if (parsed.GetValue(_source) is not { } source)
        {
            Refuse(parsed, "--predictions, which has no splits", _splits);
            Refuse(parsed, "--predictions, which has no model", _confirm);
            return await AuditFileAsync(parsed, cancellationToken);
        }
        if (parsed.GetValue(_predictions) is not null)
            throw new UsageException("Give a folder, a manifest or a job, or --predictions; not both.");
        Refuse(parsed, "a model, which has its own names of classes", _classes);
        Findings(parsed, classes: 1, all: null, rows: null); // refuses unknown names before hours of explaining
        if (_remote.IsNamed(parsed))
            return await _remote.RunAsync(parsed, client => AuditRemotelyAsync(parsed, source, client, cancellationToken));
        Refuse(parsed, "an audit on this machine, which uses its explanations again", _key);
        var code = ExitCode.Success;
        var ended = await parsed.Console.RunServiceAsync(async () => code = await AuditSourceAsync(parsed, source, cancellationToken));
        return ended == ExitCode.Success ? code : ended;
    }

    private Task<int> AuditRemotelyAsync(ParseResult parsed, string source, ApiClient client, CancellationToken cancellationToken)
    {
        if (parsed.GetValue<string[]>("--model") is { Length: > 1 })
            throw new UsageException("--model with --url names one model of the server.");
        var spec = new AuditSpec
        {
            Findings = parsed.GetValue(_findings)?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
            LabelThreshold = parsed.GetValue(_threshold),
            Confirm = parsed.GetValue(_confirm),
            FailOn = parsed.GetValue(_failOn),
        };
        var audit = new RemoteAudit(
            source,
            parsed.GetValue(_labels),
            parsed.GetValue(_splits),
            parsed.GetValue<string[]>("--model")?.FirstOrDefault(),
            parsed.GetValue(_key),
            parsed.GetResult(_top) is { Implicit: false }
                ? spec with
                {
                    Top = Math.Max(1, Top(parsed.GetValue(_top)!) ?? AuditSpec.MaxTop),
                }
                : spec
        );
        return audit.RunAsync(client, parsed.Console, parsed.GetValue(_out), parsed.GetValue(_json), cancellationToken);
    }

    private async Task<int> AuditFileAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var file =
            parsed.GetValue(_predictions)
            ?? throw new UsageException("There is nothing to audit. Give a folder, a manifest or a job, or --predictions FILE.");
        using var probabilities = ProbabilityTable.Open(file);
        var labels = parsed.GetValue(_labels) is { } given ? GivenLabels.Open(given, probabilities.HasPaths) : null;
        var names = parsed.GetValue(_classes) is { } list ? ClassNamesFile.Read(list.FullName) : null;
        var rows = new LabelledProbabilities(probabilities, labels, names);
        return await AuditAsync(parsed, Run(parsed, AuditInput.Of(rows, file)), cancellationToken);
    }

    private async Task<int> AuditSourceAsync(ParseResult parsed, string source, CancellationToken cancellationToken)
    {
        var settings = Operating.Settings.Read();
        var options = _services.Pipeline(parsed, settings);
        if (Path.Exists(source))
        {
            var images = AuditSource.Of(source, parsed.GetValue(_labels));
            if (!images.HasColumns)
                Refuse(parsed, "a folder, which has no columns", _splits);
            options = options with { References = options.References with { Roots = [.. options.References.Roots, images.Root] } };
            var done = await AuditHost.ExplainAsync(
                parsed.Console,
                options,
                _services.Worker(parsed, settings),
                models => DescribeAsync(parsed, images, models),
                cancellationToken
            );
            return await AuditJobAsync(parsed, options, done.Id.ToString(), cancellationToken);
        }
        Refuse(parsed, "a job, which has its own labels and splits", _labels, _splits);
        return await AuditJobAsync(parsed, options, source, cancellationToken);
    }

    private static void Refuse(ParseResult parsed, string what, params IReadOnlyList<Option> options)
    {
        if (options.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } given)
            throw new UsageException($"{given.Name} does not go with {what}. Leave it out.");
    }

    private (IReadOnlyList<Finding> Findings, IReadOnlyList<Gate> Gates) Findings(
        ParseResult parsed,
        int classes,
        IReadOnlyList<string>? all,
        ClassifierRows? rows
    )
    {
        var names = parsed.GetValue(_findings)?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var findings = FindingList.Create(classes, parsed.GetValue(_threshold), names ?? all, rows);
        return (findings, parsed.GetValue(_failOn) is { } text ? Gate.Parse(text, [.. findings.Select(finding => finding.Name)]) : []);
    }

    private async Task<JobSpec> DescribeAsync(ParseResult parsed, AuditSource images, ModelCatalog models)
    {
        if (models.Names is not [var model])
            throw new UsageException($"There are {models.Names.Count} models: {string.Join(", ", models.Names)}. Name one with --model.");
        return new JobSpec
        {
            Source = images.Source,
            Model = await models.PinAsync(model),
            Options = parsed.GetValue(_splits) is { } column ? new Dictionary<string, string> { ["column.split"] = column } : null,
        };
    }

    private async Task<int> AuditJobAsync(ParseResult parsed, PipelineOptions options, string source, CancellationToken cancellationToken)
    {
        using var interruption = new Interruption(() => { });
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, interruption.Drain);
        cancellationToken = stopping.Token;
        await using var store = await StoredJob.OpenAsync(options, () => Missing(source, options), cancellationToken);
        var job = await StoredJob.FindAsync(store, source, cancellationToken) ?? throw Missing(source, options);
        if (job.State != JobState.Completed)
            throw new UsageException($"The job {job.Id} is {job.State.ToString().ToLowerInvariant()}. An audit needs a completed job.");
        var models = new ModelCatalog(options.Models);
        if (models.Find(job.Spec.Model.Id) is null || await models.PinAsync(job.Spec.Model.Id, cancellationToken) != job.Spec.Model)
            throw new UsageException(
                $"The job was computed by the model {job.Spec.Model.Id} with the weights {job.Spec.Model.Sha256}. Name that model with "
                    + $"--model {job.Spec.Model.Id}=FOLDER: it has the names of the classes."
            );
        var classes = (await models.DescribeAsync(job.Spec.Model.Id, cancellationToken)).Classes;
        var rows = ClassifierRows.Read(models.Find(job.Spec.Model.Id)!, ModelCatalog.Reading);
        var input = AuditInput.Of(new JobRows(store, job.Id, classes), job, classes, rows);
        using var originals = new OriginalImages(options.References, store, job);
        return await AuditAsync(parsed, Run(parsed, input) with { ConfirmAsync = ConfirmAsync, DrawAsync = DrawAsync }, cancellationToken);

        Task<IReadOnlyDictionary<long, byte[]>> DrawAsync(AuditReport report) =>
            AuditPictures.DrawAsync(AuditPage.Shown(report), new JobRows(store, job.Id, classes), originals, cancellationToken);

        Task<AuditReport> ConfirmAsync(AuditReport report, AuditFolder? files) =>
            parsed.GetValue(_confirm) is > 0 and var pairs
                ? new CandidateTesting(parsed.Console, options, _services.Worker(parsed, Operating.Settings.Read()), pairs, files).RunAsync(
                    report,
                    input,
                    job,
                    cancellationToken
                )
                : Task.FromResult(report);
    }

    private static UsageException Missing(string source, PipelineOptions options) =>
        new(
            $"\"{source}\" is no file, no folder, and no job in {UriRedaction.Redact(options.Store)}. Check the path, or name "
                + "the job's store with --store."
        );

    private AuditRun Run(ParseResult parsed, AuditInput input)
    {
        var (findings, gates) = Findings(parsed, input.Classes.Count, input.Findings, input.Rows);
        return new AuditRun(input, findings, gates, Top(parsed.GetValue(_top)!), parsed.GetValue(_out));
    }

    private async Task<int> AuditAsync(ParseResult parsed, AuditRun run, CancellationToken cancellationToken)
    {
        var report = await run.RunAsync(cancellationToken);
        if (parsed.GetValue(_json))
        {
            using var stdout = parsed.Console.OpenOutput();
            ReportJson.Write(stdout, report, run.Input.Model, run.Input.Classes, run.Gates);
            stdout.Write("\n"u8);
        }
        else
        {
            new AuditText(report, run.Input, run.Gates, run.Folder).Write(parsed.Console.Output);
        }
        return run.Gates.Any(gate => gate.IsViolated(report.Of(gate.Finding))) ? ExitCode.Different : ExitCode.Success;
    }

    private static bool IsTop(string text) => text == "all" || int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _);

    private static int? Top(string text) => text == "all" ? null : int.Parse(text, CultureInfo.InvariantCulture);
}
