using AgCam.Cli.Doctor;
using AgCam.Cli.Serving;
using AgCam.Cli.Terminal;
using AgCam.Pipeline;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Worker;
using Microsoft.Extensions.DependencyInjection;

namespace AgCam.Cli.Auditing;

/// <summary>Runs a job in this process, with its own bus and worker, until it has completed.</summary>
internal static class AuditHost
{
    /// <summary>
    /// Explains what the store does not have yet. A job that is interrupted is cancelled; its explanations stay, so that the next run
    /// computes only the others.
    /// </summary>
    /// <returns>The completed job.</returns>
    /// <exception cref="UsageException">The job cannot go on.</exception>
    public static async Task<Job> ExplainAsync(
        CommandConsole console,
        PipelineOptions options,
        WorkerOptions worker,
        Func<ModelCatalog, Task<JobSpec>> describe,
        CancellationToken cancellationToken
    )
    {
        BackendSelfTestVerb.LoadTrusted();
        await using var host = LocalHost.Build(services =>
            services.AddAgCamPipeline(options with { Bus = PipelineOptions.InMemory, RunJobs = true }).AddAgCamWorker(worker)
        );
        var spec = await describe(host.Services.GetRequiredService<ModelCatalog>());
        await host.StartAsync(cancellationToken);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, host.Stopping);
        var store = host.Services.GetRequiredService<IStore>();
        var job = (await store.Jobs.CreateAsync(spec, cancellationToken: ended.Token)).Job;
        host.Services.GetRequiredService<JobSignal>().Changed();
        try
        {
            return await CompletionAsync(console, store, job, ended.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or UsageException)
        {
            await store.Jobs.CancelAsync(job.Id, "the audit was interrupted", CancellationToken.None);
            throw;
        }
    }

    private static async Task<Job> CompletionAsync(CommandConsole console, IStore store, Job job, CancellationToken cancellationToken)
    {
        using var screen = new Screen(console);
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var current = job;
        using var progress = new Progress(
            screen,
            () =>
            {
                var done = current.Progress.Completed + current.Progress.Failed;
                return new ProgressState(done, current.Images, current.Progress.Failed, done / watch.Elapsed.TotalSeconds);
            }
        );
        while (current.State is not (JobState.Completed or JobState.Cancelled))
        {
            if (current.State == JobState.Paused)
                throw new UsageException(current.Reason ?? "The job was paused.");
            await Task.Delay(100, cancellationToken);
            current = await store.Jobs.FindAsync(job.Id, cancellationToken) ?? throw new UsageException("The job was deleted.");
        }
        return current.State == JobState.Completed ? current : throw new UsageException("The job was cancelled by another process.");
    }
}
