using System.CommandLine;
using System.Globalization;
using AgCam.Cli.Options;
using AgCam.Cli.Terminal;
using AgCam.Labels;

namespace AgCam.Cli.Explaining;

/// <summary>agcam explain PATH...: writes predictions, heatmaps and boxes of images.</summary>
internal static class ExplainVerb
{
    public static Command Create()
    {
        var (model, device, what) = (new ModelOptions(), new DeviceOptions(), new ExplainSettings());
        var command = new Command("explain", "Explains images: heatmaps and boxes for each prediction.");
        what.AddTo(command);
        model.AddTo(command);
        device.AddTo(command);
        command.SetAction(
            async (parsed, cancellationToken) =>
            {
                what.Check(parsed);
                using var checkpoint = await model.OpenAsync(parsed, cancellationToken, what.Method(parsed).ExplainsAverages);
                what.Check(parsed, checkpoint);
                using var explainer = device.Load(parsed, checkpoint);
                var run = what.Read(parsed, explainer) with { ParallelBatches = device.SplitThreads(parsed) };
                return await ExplainAsync(parsed.Console, explainer, run, what.Labels(parsed, explainer));
            }
        );
        return command.WithExamples(
            new("A folder, with overlay pictures in out/", "agcam explain photos/ --model vit/ --out out/"),
            new("One picture, as JSON, with the raw heatmap", "agcam explain cat.jpg --model vit/ --json --raw"),
            new(
                "Why a tabby and not a tiger cat?",
                "agcam explain cat.jpg --model vit/ --target tabby-vs-\"tiger cat\" --out out/ --save overlay,strip"
            ),
            new(
                "The five best classes of every picture on a list",
                "find . -name '*.png' | agcam explain - --model vit/ --target top:5 --json > rows.jsonl"
            ),
            new(
                "Class folders as labels: accuracy at the end",
                "agcam explain val/ --model vit/ --labels parent --target predicted --target label --out out/ --save none"
            ),
            new("Continue after Ctrl-C with the same command", "agcam explain photos/ --model vit/ --out out/")
        );
    }

    private static async Task<int> ExplainAsync(CommandConsole console, Explainer explainer, ExplainRun run, ImageLabels? labels)
    {
        using var screen = new Screen(console);
        using var interruption = new Interruption(() =>
            screen.Note("agcam: finishing the started images; press Ctrl-C again to stop at once.")
        );
        var provenance = new RunProvenance(explainer, run);
        using var output = run.Out is null ? null : new OutputFolder(explainer, run, provenance);
        var tally = new RunTally();
        using var broken = new CancellationTokenSource(); // cancelled when a stage has failed
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(interruption.Drain, broken.Token);
        var own = new OwnPictures(run.Out);
        // A list on stdin can be read only once: it is checked at the end.
        if (labels is not null && !run.Paths.Contains("-"))
            labels.ThrowIfNoneMatches(ImageSource.Find(run.Paths, TextReader.Null, own).Select(image => image.Path));
        var total = CountAsync(run.Paths, own, ending.Token);
        var reading = new Reading(explainer, run, labels, output);
        var model = new ModelThread(explainer, run, tally);
        var finishing = new Finishing(explainer, run, provenance, output, new Report(run, explainer, screen, console.Width), tally);

        using (
            run.Quiet
                ? null
                : new Progress(
                    screen,
                    () => new ProgressState(tally.Done, total.IsCompletedSuccessfully ? total.Result : null, tally.Failed, tally.Rate)
                )
        )
            await Task.WhenAll(
                EndingAsync(Task.Run(() => reading.RunAsync(ImageSource.Find(run.Paths, console.OpenInput(), own), ending.Token))),
                EndingAsync(model.RunAsync(reading.Images)),
                EndingAsync(finishing.RunAsync(model.Explained))
            );

        screen.Flush();
        if (tally.Done == 0 && !interruption.Asked)
            throw new UsageException(NoImages(run.Paths));
        if (labels is not null && tally.Labels is { Labelled: 0, FirstUnlabelled: { } first } && !interruption.Asked)
            labels.ThrowIfNoneMatches([first]);
        if (!run.Quiet)
            new Summary(run, explainer, tally, labels is not null, output).Write(run.Json ? console.Error : console.Output, console.Width);
        if (interruption.Asked)
        {
            SummaryFile.Write(run.SummaryFile, ExitCode.Interrupted, tally.Summary(explainer));
            console.Error.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"agcam: interrupted after {tally.Done:N0} images. ")
                    + (
                        output is null
                            ? "With --out FOLDER a run can be continued."
                            : "Run the same command again to continue. Finished images are skipped."
                    )
            );
            return ExitCode.Interrupted;
        }

        return SummaryFile.Write(
            run.SummaryFile,
            tally.Failed > run.MaxFailures ? ExitCode.TooManyFailures : ExitCode.Success,
            tally.Summary(explainer)
        );

        // A failed stage ends the others, which would wait for it for ever.
        async Task EndingAsync(Task stage)
        {
            try
            {
                await stage;
            }
            catch (Exception error)
            {
                reading.Fail(error);
                model.Fail(error);
                finishing.Fail(error);
                await broken.CancelAsync();
                throw;
            }
        }
    }

    private static string NoImages(IReadOnlyList<string> paths) =>
        paths is ["-"]
            ? "No images: the list on stdin is empty. Write one path per line, e.g. find . -name '*.png' | agcam explain -"
            : $"No images: {string.Join(", ", paths)} holds none. JPEG, PNG, WebP, GIF, BMP and TIFF are read.";

    /// <summary>Counts the images, for the time left. Null for a list on stdin, which can be read only once.</summary>
    private static Task<long?> CountAsync(IReadOnlyList<string> paths, OwnPictures own, CancellationToken cancellationToken) =>
        Task.Run<long?>(
            () =>
                paths.Contains("-")
                    ? null
                    : ImageSource.Find(paths, TextReader.Null, own).TakeWhile(_ => !cancellationToken.IsCancellationRequested).LongCount(),
            CancellationToken.None
        );
}
