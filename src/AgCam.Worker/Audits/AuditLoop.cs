using AgCam.Audit;
using AgCam.Audit.Stored;
using AgCam.Models;
using AgCam.Pipeline;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Worker.Interventions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AgCam.Worker.Audits;

/// <summary>
/// Audits jobs whose images are done, one at a time. The store grants one lease per audit, so every worker may run this loop. An audit
/// that cannot be done pauses its job; one that is interrupted is done again.
/// </summary>
internal sealed class AuditLoop(
    IStore store,
    ModelCatalog models,
    CompletionPublisher completions,
    InterventionRunner interventions,
    PipelineOptions pipeline,
    WorkerOptions options,
    ILogger<AuditLoop> log
) : BackgroundService
{
    /// <summary>Number of crashed attempts after which the job is paused.</summary>
    private const int MaxCrashes = 5;

    private readonly string _name = $"{Environment.MachineName}/{Environment.ProcessId}/{Guid.NewGuid():N}";

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                foreach (var job in await store.Audits.DueAsync(stoppingToken))
                    if (await store.Audits.LeaseAsync(job, _name, options.Lease, stoppingToken) is { } held)
                        await AuditAsync(held, stoppingToken);
                await Task.Delay(4 * pipeline.Poll, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested) { }
            catch (Exception e)
            {
                log.LogWarning("Could not look for audits, will retry: {Reason}", e.Message);
                await Task.Delay(4 * pipeline.Poll, stoppingToken).ContinueWith(_ => { }, TaskScheduler.Default);
            }
        }
    }

    /// <summary>Audits a job whose lease is extended meanwhile.</summary>
    private async Task AuditAsync(AuditLease held, CancellationToken stopping)
    {
        using var lost = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        using var finished = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var beats = ExtendAsync(held, lost, finished.Token);
        var faulted = false;
        try
        {
            if (await RunAsync(held, lost.Token))
                return;
        }
        catch (OperationCanceledException) when (lost.IsCancellationRequested)
        {
            log.LogInformation("Stopped the audit of {Job}", held.Job);
        }
        catch (Exception e) when (e is AuditException or ModelException)
        {
            await PauseAsync(held.Job, e.Message, stopping);
        }
        catch (Exception e)
        {
            faulted = e is not StoreUnavailableException;
            log.LogError(e, "The audit of {Job} failed and is repeated", held.Job);
        }
        finally
        {
            await finished.CancelAsync();
            await beats;
        }
        using var limit = new CancellationTokenSource(options.Lease / 3); // the worker may be stopping; otherwise the lease expires
        await store.Audits.ReleaseAsync(held, faulted, limit.Token);
    }

    /// <returns>True when the audit is stored; false when the lease is lost or the job was paused.</returns>
    private async Task<bool> RunAsync(AuditLease held, CancellationToken cancellationToken)
    {
        if (held.Crashes >= MaxCrashes)
        {
            await PauseAsync(
                held.Job,
                $"The audit was begun {held.Crashes} times and never ended. The workers' logs say why. Resume the job to try again.",
                cancellationToken
            );
            return false;
        }
        if (await store.Jobs.FindAsync(held.Job, cancellationToken) is not { Spec.Audit: { } spec } job)
            return false; // deleted
        var audited = AuditSpec.AuditedJob(job.Spec.Source) is { } other ? await FindAsync(other, job, cancellationToken) : job;
        var pin = await models.PinAsync(audited.Spec.Model.Id, cancellationToken);
        if (pin != audited.Spec.Model)
            throw new AuditException(
                $"This worker's model {pin.Id} has the weights {pin.Sha256}; the job was computed with {audited.Spec.Model.Sha256}. "
                    + "Restore the model's file and resume the job."
            );
        var classes = (await models.DescribeAsync(pin.Id, cancellationToken)).Classes;
        var startedAt = TimeProvider.System.GetTimestamp();
        var classifier = ClassifierRows.Read(models.Find(pin.Id)!, ModelCatalog.Reading);
        var result = await JobAudit.RunAsync(store, audited, spec, classes, classifier, ConfirmAsync, cancellationToken);
        if (
            !await store.Audits.AddAsync(held, result.Findings, cancellationToken)
            || !await store.Audits.CompleteAsync(held, result.Report, cancellationToken)
        )
            return false;
        log.LogInformation(
            "Audited {Job} in {Seconds:0.0} s: {Findings} findings stored, violated gates: {Gates}",
            held.Job,
            TimeProvider.System.GetElapsedTime(startedAt).TotalSeconds,
            result.Findings.Count,
            result.ViolatedGates.Count == 0 ? "none" : string.Join(", ", result.ViolatedGates)
        );
        await completions.PublishAsync(held.Job, _name, cancellationToken);
        return true;

        async Task<AuditReport> ConfirmAsync(AuditReport report, Func<IAsyncEnumerable<AuditRow>> read) =>
            spec.Confirm == 0
                ? report
                : await new CandidateTester(interventions).RunAsync(report, read, audited, spec.Confirm, cancellationToken);
    }

    /// <exception cref="AuditException">There is no such job, it has not completed, or it has another model.</exception>
    private async Task<Job> FindAsync(Guid id, Job audit, CancellationToken cancellationToken)
    {
        if (await store.Jobs.FindAsync(id, cancellationToken) is not { } job)
            throw new AuditException($"There is no job {id} any more. Cancel this job.");
        if (job.State != JobState.Completed)
            throw new AuditException(
                $"The job {id} is {job.State.ToString().ToLowerInvariant()}. Resume this job when that one has completed."
            );
        if (job.Spec.Model != audit.Spec.Model)
            throw new AuditException($"The job {id} was created again with another model. Cancel this job and submit a new one.");
        return job;
    }

    private async Task PauseAsync(Guid job, string reason, CancellationToken cancellationToken)
    {
        log.LogError("Paused job {Job}: {Reason}", job, reason);
        await store.Jobs.PauseAsync(job, reason, cancellationToken);
    }

    /// <summary>Extends the lease three times in its duration, until the audit has finished or the lease is lost.</summary>
    private async Task ExtendAsync(AuditLease held, CancellationTokenSource lost, CancellationToken finished)
    {
        using var timer = new PeriodicTimer(options.Lease / 3);
        try
        {
            while (await timer.WaitForNextTickAsync(finished))
            {
                try
                {
                    if (await store.Audits.ExtendAsync(held, options.Lease, finished))
                        continue;
                    await lost.CancelAsync();
                    return;
                }
                catch (Exception e) when (!finished.IsCancellationRequested) // the lease outlasts two missed extensions
                {
                    log.LogWarning("Could not extend the lease of the audit of {Job}: {Reason}", held.Job, e.Message);
                }
            }
        }
        catch (OperationCanceledException) when (finished.IsCancellationRequested) { }
    }
}
