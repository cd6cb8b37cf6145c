using System.CommandLine;
using AgCam.Audit.Comparison;
using AgCam.Audit.Gates;
using AgCam.Audit.Output;
using AgCam.Cli.Auditing;
using AgCam.Cli.Options;
using AgCam.Cli.Serving;
using AgCam.Cli.Terminal;
using AgCam.Pipeline;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Cli.Comparing;

/// <summary>agcam compare: compares two jobs, image by image, or the distributions of their images.</summary>
internal sealed class CompareVerb
{
    private readonly ServiceOptions _services = new();

    private readonly Argument<string> _a = new("A") { Description = "The id of a completed job, the baseline, or its first characters." };

    private readonly Argument<string> _b = new("B") { Description = "The id of the job that is compared with it." };

    private readonly Option<string?> _failOn = new("--fail-on")
    {
        Description =
            "Gates, such as negative-flip-rate:0.02 or accuracy:min_absolute_change=-0.01, or a JSON file: exit code 1 when an interval "
            + "reaches beyond its limit.",
        HelpName = "GATES|FILE",
    };

    private readonly Option<int> _ceiling = new("--ceiling")
    {
        Description =
            "Number of images that both models explain mirrored, to calibrate: the first ones by SHA-256. 0 for none. It needs the "
            + "originals and the models.",
        DefaultValueFactory = _ => 64,
        HelpName = "N",
    };

    private readonly Option<string?> _out = new("--out", "-o")
    {
        Description = "Folder for report.html, compare.json, images.csv, metrics.json and junit.xml.",
        HelpName = "DIR",
    };

    private readonly Option<bool> _json = new("--json") { Description = "Prints the comparison as one JSON object." };

    public static Command Create() => new CompareVerb().Build();

    private Command Build()
    {
        _ceiling.Within(0, 100_000);
        var command = new Command(
            "compare",
            "Compares two jobs: two models or methods on the same images, or one model on two sets of images."
        )
        {
            _a,
            _b,
            _ceiling,
            _failOn,
            _out,
            _json,
        };
        _services.AddTo(command, api: false, worker: true, bus: false);
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, cancellationToken));
        return command.WithExamples(
            new Example("Does the new model look at the same things?", "agcam compare 0198c0de 0198c0df --out comparison"),
            new Example(
                "As a gate in CI",
                "agcam compare 0198c0de 0198c0df --fail-on negative-flip-rate:0.02,accuracy:min_absolute_change=-0.01"
            )
        );
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var code = ExitCode.Success;
        var ended = await parsed.Console.RunServiceAsync(async () => code = await CompareAsync(parsed, cancellationToken));
        return ended == ExitCode.Success ? code : ended;
    }

    private async Task<int> CompareAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var settings = Operating.Settings.Read();
        var options = _services.Pipeline(parsed, settings);
        var (idA, idB) = (parsed.GetValue(_a)!, parsed.GetValue(_b)!);
        await using var store = await StoredJob.OpenAsync(options, () => Missing(idA, options), cancellationToken);
        var a = await FindAsync(store, options, idA, cancellationToken);
        var b = await FindAsync(store, options, idB, cancellationToken);
        if (a.Id == b.Id)
            throw new UsageException($"\"{idA}\" and \"{idB}\" are one job, {a.Id}. Name two jobs.");
        var models = new ModelCatalog(options.Models);
        var isDrift = DriftComparison.IsFor(a, b);
        if (isDrift && parsed.GetResult(_ceiling) is { Implicit: false })
            throw new UsageException(
                "--ceiling does not go with two jobs of one model and method, whose images are not paired. Leave it out."
            );
        IReadOnlyList<MetricGate> gates = parsed.GetValue(_failOn) is { } text
            ? MetricGate.Parse(text, isDrift ? DriftComparison.Names : PairedComparison.Names)
            : [];

        var imagesA = await JobImages.ReadAsync(store, a.Id, cancellationToken);
        var imagesB = await JobImages.ReadAsync(store, b.Id, cancellationToken);
        using var originals = new OriginalImages(options.References, store, a, b);
        var pairing = new JobPairing(store, a, b, await ClassesAsync(a, b, models, cancellationToken));
        var (report, images) = isDrift
            ? (await new DriftComparison(store, a, b).RunAsync(imagesA, imagesB, cancellationToken), [])
            : await PairAsync(imagesA, imagesB);
        var outcomes = gates.Select(gate => gate.Judge(report.Metrics.Single(metric => metric.Name == gate.Metric))).ToList();

        if (parsed.GetValue(_out) is { } folder)
        {
            var pictures = await ChangedPicture.DrawAsync(pairing, originals, images, report.Changed, cancellationToken);
            ComparisonFolder.Write(folder, report, images, outcomes);
            ComparisonFolder.Write(folder, "report.html", stream => WritePage(stream, report, outcomes, pictures));
        }
        if (parsed.GetValue(_json))
        {
            using var stdout = parsed.Console.OpenOutput();
            ComparisonJson.Write(stdout, report, outcomes);
            stdout.Write("\n"u8);
        }
        else
        {
            new CompareText(report, outcomes, parsed.GetValue(_out)).Write(parsed.Console.Output);
        }
        return outcomes.Any(outcome => outcome.IsViolated) ? ExitCode.Different : ExitCode.Success;

        async Task<(ComparisonReport Report, IReadOnlyList<ImageComparison> Images)> PairAsync(JobImages ofA, JobImages ofB)
        {
            var paired = await pairing.CompareAsync(ofA, ofB, cancellationToken);
            var worker = _services.Worker(parsed, settings);
            var run = new CeilingRun(parsed.Console, pairing, originals, models, worker, parsed.GetValue(_ceiling));
            var ceilings = await run.RunAsync(a, b, paired.Images, cancellationToken);
            IReadOnlyList<string> notes = [.. PairingNotes.Of(paired, (ofA, ofB), pairing)];
            var result = new PairedComparison(paired.Images, ceilings).Report(
                ComparedJob.Of(a, ofA),
                ComparedJob.Of(b, ofB),
                paired,
                ceilings.Note is { } note ? [.. notes, note] : notes
            );
            return (result, paired.Images);
        }
    }

    private static void WritePage(
        Stream stream,
        ComparisonReport report,
        IReadOnlyList<GateOutcome> gates,
        IReadOnlyList<ChangedPicture> pictures
    )
    {
        using var writer = new StreamWriter(stream, leaveOpen: true);
        new ComparePage(report, gates, pictures, DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime)).Write(writer);
    }

    private static async Task<Job> FindAsync(IStore store, PipelineOptions options, string text, CancellationToken cancellationToken)
    {
        var job = await StoredJob.FindAsync(store, text, cancellationToken) ?? throw Missing(text, options);
        if (job.State != JobState.Completed)
            throw new UsageException($"The job {job.Id} is {job.State.ToString().ToLowerInvariant()}. A comparison needs completed jobs.");
        if (job.Progress.Completed == 0 || job.Spec.Evaluation is not null)
            throw new UsageException($"The job {job.Id} of {job.Spec.Source} has no explanations. Name a job that explained images.");
        return job;
    }

    private static UsageException Missing(string text, PipelineOptions options) =>
        new(
            $"\"{text}\" is the id or the beginning of the id of no job, or of several, in {UriRedaction.Redact(options.Store)}. "
                + "Name the jobs' store with --store."
        );

    private static async Task<ClassPairing> ClassesAsync(Job a, Job b, ModelCatalog models, CancellationToken cancellationToken)
    {
        if (a.Spec.Model.Sha256 == b.Spec.Model.Sha256)
            return ClassPairing.Same;
        return ClassPairing.Of(await ClassesAsync(a), await ClassesAsync(b));

        async Task<ClassNames?> ClassesAsync(Job job) =>
            models.Find(job.Spec.Model.Id) is not null && await models.PinAsync(job.Spec.Model.Id, cancellationToken) == job.Spec.Model
                ? (await models.DescribeAsync(job.Spec.Model.Id, cancellationToken)).Classes
                : null;
    }
}
