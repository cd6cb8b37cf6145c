using System.CommandLine;
using AgCam.Attribution;
using AgCam.Cli.Options;
using AgCam.Cli.Remote;
using AgCam.Cli.Terminal;
using AgCam.Evaluation;
using AgCam.Evaluation.Datasets;
using AgCam.Evaluation.Presets;
using AgCam.Models;

namespace AgCam.Cli.Evaluating;

/// <summary>
/// agcam evaluate DATASET: measures how well heatmaps find objects and how faithful they are to the model, for several methods.
/// </summary>
internal static class EvaluateVerb
{
    public static Command Create()
    {
        var (what, model, device, remote) = (
            new EvaluationSettings(),
            new ModelOptions(),
            new DeviceOptions(),
            new RemoteOptions(isOptional: true)
        );
        var command = new Command(
            "evaluate",
            "Measures on a labelled dataset whether heatmaps find the object and are faithful to the model, for several methods."
        );
        what.AddTo(command);
        model.AddTo(command);
        device.AddTo(command);
        remote.AddTo(command);
        command.SetAction(
            async (parsed, cancellationToken) =>
            {
                var run = what.Read(parsed);
                var published = what.Published(parsed);
                if (!remote.IsNamed(parsed))
                    what.RefuseJobs(parsed);
                using var screen = new Screen(parsed.Console);
                using var interruption = new Interruption(() =>
                    screen.Note("agcam: finishing the started images; press Ctrl-C again to stop at once.")
                );
                EvaluationTables? tables = null;
                IReadOnlyList<ShownPicture> pictures = [];
                if (remote.IsNamed(parsed))
                {
                    var (job, name, dtype) = (what.Job(parsed, run), model.OfServer(parsed), device.OfServer(parsed));
                    try
                    {
                        var code = await remote.RunAsync(
                            parsed,
                            async client =>
                                (tables = await job.MeasureAsync(client, name, dtype, what.Rows(parsed), screen, interruption.Drain))
                                    is null
                                    ? ExitCode.UsageError
                                    : ExitCode.Success
                        );
                        if (code != ExitCode.Success)
                            return code;
                    }
                    catch (OperationCanceledException) when (interruption.Asked)
                    {
                        return ExitCode.Interrupted;
                    }
                    if (what.Html(parsed) is not null)
                        pictures = await PicturesAsync(parsed, model, device, run, tables!, screen, cancellationToken);
                }
                else if (run.Dataset is null)
                {
                    foreach (var file in what.Merge(parsed))
                        tables = RowFile.Read(file, tables);
                    if (tables!.MissingShards is { Count: > 0 } missing)
                        throw new UsageException(
                            $"Of {tables.Header.Shard.Count} shards, {string.Join(", ", missing)} "
                                + $"{(missing.Count == 1 ? "is" : "are")} missing: give the rows of all shards."
                        );
                }
                else
                {
                    var preset = run.Preset ? PaperPreset.Of(run.Dataset, run.Images, model.ClassNames(parsed), run.Partial) : null;
                    using var checkpoint = await model.OpenAsync(parsed, cancellationToken, pooled: true, preset);
                    if (AttributionMethod.Refusal(run.Options.Methods, checkpoint.Config) is { } refusal)
                        throw new ModelException(ModelFailure.UnsupportedArchitecture, refusal);
                    using var explainer = device.Load(parsed, checkpoint);
                    try
                    {
                        tables = await new Measuring(explainer, run, preset, screen).RunAsync(what.Rows(parsed), interruption.Drain);
                        if (what.Html(parsed) is not null)
                            pictures = ShownPicture.BestAndWorst(explainer, run, tables);
                    }
                    catch (OperationCanceledException) when (interruption.Asked)
                    {
                        return ExitCode.Interrupted;
                    }
                }

                screen.Flush();
                if (tables!.Evaluated == 0 && tables.Header.Shard.Count == 1)
                    throw new UsageException(NoneEvaluated(tables, remote.IsNamed(parsed) ? null : run));
                Show(parsed, what, tables, pictures, published, screen.Width);
                return ExitCode.Success;
            }
        );
        return command.WithExamples(
            new("The shipped model on the shipped pictures", "agcam evaluate scenes"),
            new("Is AG-CAM better than rollout here?", "agcam evaluate val/ --model vit/ --methods agcam,rollout"),
            new("Everything, as JSON", "agcam evaluate val/ --model vit/ --methods all --metrics all --json > result.json"),
            new(
                "The paper's two tests on ImageNet",
                "agcam evaluate ILSVRC/ --model vit/ --metrics localization,perturbation --parity paper"
            ),
            new(
                "The whole evaluation of the paper, compared with its published numbers",
                "agcam evaluate ILSVRC/ --preset agcam-aaai24 --published paper.json"
            ),
            new(
                "Maps of another program, compared with AG-CAM",
                "agcam evaluate val/ --model vit/ --methods agcam --heatmaps mine=maps.npz"
            ),
            new("A page to read and to print", "agcam evaluate val/ --model vit/ --metrics localization,perturbation --html result.html"),
            new("On four machines", "agcam evaluate val/ --model vit/ --shard 2/4 --rows part2.jsonl"),
            new("Merge their rows", "agcam evaluate --merge part1.jsonl part2.jsonl part3.jsonl part4.jsonl"),
            new(
                "On the workers of a server that may read the dataset",
                "agcam evaluate /data/val --model vit --url http://server:8080 --key val-1"
            )
        );
    }

    /// <summary>A page's pictures are drawn here, if the model and the dataset are here too.</summary>
    private static async Task<IReadOnlyList<ShownPicture>> PicturesAsync(
        ParseResult parsed,
        ModelOptions model,
        DeviceOptions device,
        EvaluationRun run,
        EvaluationTables tables,
        Screen screen,
        CancellationToken cancellationToken
    )
    {
        if (model.IsHere(parsed) && Path.Exists(run.Dataset))
        {
            using var checkpoint = await model.OpenAsync(parsed, cancellationToken, pooled: true);
            if (await checkpoint.Sha256Async() == tables.Header.ModelSha256)
            {
                using var explainer = device.Load(parsed, checkpoint);
                return ShownPicture.BestAndWorst(explainer, run, tables);
            }
        }
        screen.Note("agcam: The page has no pictures: the model or the dataset of the job is not on this machine.");
        return [];
    }

    private static DateOnly Today() => DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime);

    /// <param name="run">Null where the dataset is on a server.</param>
    private static string NoneEvaluated(EvaluationTables tables, EvaluationRun? run)
    {
        if (tables.Images == 0)
            return "The dataset contains no images.";
        var reasons = string.Join(", ", tables.Skipped.Select(reason => $"{reason.Key} {reason.Value}"));
        var missing = run?.Dataset is null ? null : Samples(run).FirstOrDefault(sample => !File.Exists(sample.Path));
        return $"None of the {tables.Images} images can be evaluated: {reasons}."
            + (
                missing is null
                    ? ""
                    : $" {missing.Path}, which the dataset lists, does not exist. Correct its paths, or say with --images where "
                        + "the images lie."
            );
    }

    private static IEnumerable<Sample> Samples(EvaluationRun run) => Dataset.Read(run.Dataset!, run.Layout, run.Images);

    private static void Show(
        ParseResult parsed,
        EvaluationSettings what,
        EvaluationTables tables,
        IReadOnlyList<ShownPicture> pictures,
        PublishedNumbers? published,
        int width
    )
    {
        var methods = tables.Summarize();
        if (what.Csv(parsed) is { } csv)
            using (var writer = new StreamWriter(csv))
                ResultCsv.Write(writer, methods);
        if (what.Html(parsed) is { } html)
            using (var writer = new StreamWriter(html))
                new HtmlPage(tables, methods, pictures, published, what.DatasetName(parsed), Today()).Write(writer);
        if (what.Json(parsed))
        {
            using var stdout = parsed.Console.OpenOutput();
            EvaluationJson.Write(stdout, tables, methods, published);
            stdout.Write("\n"u8);
        }
        else
        {
            new ResultTable(tables, methods, published).Write(parsed.Console, parsed.Console.IsOutputTerminal ? width : 132);
        }
    }
}
