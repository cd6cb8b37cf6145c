using System.Globalization;
using AgCam.Attribution;
using AgCam.Audit;
using AgCam.Audit.Interventions;
using AgCam.Audit.Output;
using AgCam.Cli.Doctor;
using AgCam.Cli.Explaining;
using AgCam.Cli.Serving;
using AgCam.Cli.Terminal;
using AgCam.Heatmaps;
using AgCam.Pipeline;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Worker;
using AgCam.Worker.Interventions;
using Microsoft.Extensions.DependencyInjection;

namespace AgCam.Cli.Auditing;

/// <summary>Tests the candidates of an audit on the model, in this process.</summary>
/// <param name="pairs">Number of images of the class, and of other classes, for each candidate.</param>
/// <param name="files">Folder for the pictures of the interventions; null for none.</param>
internal sealed class CandidateTesting(CommandConsole console, PipelineOptions options, WorkerOptions worker, int pairs, AuditFolder? files)
{
    /// <summary>More images are chosen than measured, to replace those that cannot be read.</summary>
    private const int Spare = 2;

    private const int PicturesPerCandidate = 3;

    /// <summary>Determines the images and random places, so that a repeated audit gives the same result.</summary>
    private const long Seed = 1;

    /// <returns>The report with the outcomes.</returns>
    public async Task<AuditReport> RunAsync(AuditReport report, AuditInput input, Job job, CancellationToken cancellationToken)
    {
        var chosen = report.Candidates().Select(candidate => new InterventionImages(candidate, Spare * pairs, Seed)).ToList();
        if (chosen.Count == 0)
            return report;
        await foreach (var row in input.ReadAsync().WithCancellation(cancellationToken))
        foreach (var images in chosen)
            images.Add(row);

        console.Error.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"agcam: testing {chosen.Count} candidates on the model, {pairs} images each")
        );
        BackendSelfTestVerb.LoadTrusted();
        await using var host = LocalHost.Build(services => // not started: it takes no other work
            services.AddAgCamPipeline(Reading(job) with { Bus = PipelineOptions.InMemory, RunJobs = false }).AddAgCamWorker(worker)
        );
        var runner = host.Services.GetRequiredService<InterventionRunner>();
        var (tested, before, done) = (new List<TestedCandidate>(), 0L, 0L);
        using var screen = new Screen(console);
        var watch = System.Diagnostics.Stopwatch.StartNew();
        using var progress = new Progress(
            screen,
            () => new ProgressState(done, (long)chosen.Count * pairs, 0, done / watch.Elapsed.TotalSeconds)
        );
        foreach (var images in chosen)
        {
            var request = new InterventionRequest(images.Candidate, pairs, References(images.OfClass), References(images.Others))
            {
                Model = job.Spec.Model,
                Dtype = job.Spec.Dtype,
                Method = AttributionMethod.Find(job.Spec.Method) ?? AttributionMethod.Default,
                Seed = Seed,
                Examples = files is null ? 0 : PicturesPerCandidate,
            };
            var result = await runner.RunAsync(request, measured => done = before + measured, cancellationToken);
            done = before += pairs;
            var confirmation = Confirmation.Of(result.Sums);
            tested.Add(
                new TestedCandidate(images.Candidate, confirmation, Problem(confirmation, result.Failure), Draw(images.Candidate, result))
            );
        }
        return report.With(tested);

        IReadOnlyList<string> Draw(Candidate candidate, InterventionResult result)
        {
            var name = $"{candidate.Finding}-{candidate.Class}-{ClassFileName.Safe(input.Classes[candidate.Class], candidate.Class)}";
            var names = result.Examples.Select((_, i) => $"interventions/{name}-{i + 1}.png").ToList();
            foreach (var (i, example) in result.Examples.Index())
                files!.Add(names[i], PngEncoder.Encode(InterventionPicture.Draw(example)));
            return names;
        }
    }

    private static IReadOnlyList<ImageReference> References(IReadOnlyList<AuditRow> rows) =>
        [.. rows.Select(row => row.Reference).OfType<ImageReference>()];

    private static string? Problem(Confirmation confirmation, string? failure) =>
        confirmation.Status != CandidateStatus.Candidate ? null
        : failure is null ? $"only {confirmation.Images} pairs of images could be measured"
        : $"the original images cannot be read: {failure}";

    /// <summary>Allows the folder of the job's source, whose images the job has read already.</summary>
    private PipelineOptions Reading(Job job)
    {
        var path = job.Spec.Source.Split(':', 2)[^1];
        var folder = Directory.Exists(path) ? path : Path.GetDirectoryName(path);
        return !Path.IsPathRooted(path) || !Directory.Exists(folder)
            ? options
            : options with
            {
                References = options.References with { Roots = [.. options.References.Roots, folder] },
            };
    }
}
