using System.Globalization;
using AgCam.Audit;
using AgCam.Audit.Interventions;
using AgCam.Audit.Output;
using AgCam.Cli.Doctor;
using AgCam.Cli.Explaining;
using AgCam.Cli.Serving;
using AgCam.Cli.Terminal;
using AgCam.Heatmaps;
using AgCam.Pipeline;
using AgCam.Pipeline.Records;
using AgCam.Worker;
using AgCam.Worker.Interventions;
using Microsoft.Extensions.DependencyInjection;

namespace AgCam.Cli.Auditing;

/// <summary>Tests the candidates of an audit on the model, in this process.</summary>
/// <param name="pairs">Number of images of the class, and of other classes, for each candidate.</param>
/// <param name="files">Folder for the pictures of the interventions; null for none.</param>
internal sealed class CandidateTesting(CommandConsole console, PipelineOptions options, WorkerOptions worker, int pairs, AuditFolder? files)
{
    private const int PicturesPerCandidate = 3;

    /// <returns>The report with the outcomes.</returns>
    public async Task<AuditReport> RunAsync(AuditReport report, AuditInput input, Job job, CancellationToken cancellationToken)
    {
        var candidates = report.Candidates().Count;
        if (candidates == 0)
            return report;
        console.Error.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"agcam: testing {candidates} candidates on the model, {pairs} images each")
        );
        BackendSelfTestVerb.LoadTrusted();
        await using var host = LocalHost.Build(services => // not started: it takes no other work
            services
                .AddAgCamPipeline(
                    options with
                    {
                        References = StoredJob.Readable(options.References, [job]),
                        Bus = PipelineOptions.InMemory,
                        RunJobs = false,
                    }
                )
                .AddAgCamWorker(worker)
        );
        var done = 0L;
        using var screen = new Screen(console);
        var watch = System.Diagnostics.Stopwatch.StartNew();
        using var progress = new Progress(
            screen,
            () => new ProgressState(done, (long)candidates * pairs, 0, done / watch.Elapsed.TotalSeconds)
        );
        var tester = new CandidateTester(host.Services.GetRequiredService<InterventionRunner>())
        {
            Examples = files is null ? 0 : PicturesPerCandidate,
            Draw = Draw,
            Progress = measured => done = measured,
        };
        return await tester.RunAsync(report, input.ReadAsync, job, pairs, cancellationToken);

        IReadOnlyList<string> Draw(Candidate candidate, InterventionResult result)
        {
            var name = $"{candidate.Finding}-{candidate.Class}-{ClassFileName.Safe(input.Classes[candidate.Class], candidate.Class)}";
            var names = result.Examples.Select((_, i) => $"interventions/{name}-{i + 1}.png").ToList();
            if (files is null)
                return [];
            foreach (var (i, example) in result.Examples.Index())
                files.Add(names[i], PngEncoder.Encode(InterventionPicture.Draw(example)));
            return names;
        }
    }
}
