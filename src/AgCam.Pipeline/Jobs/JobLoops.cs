using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AgCam.Pipeline.Jobs;

/// <summary>
/// Plans, publishes and sweeps until the process ends. Failures are retried: all state is in the store.
/// </summary>
internal sealed class JobLoops(
    IStore store,
    ExplainEvents events,
    Planner planner,
    Publisher publisher,
    Sweeper sweeper,
    JobSignal signal,
    PipelineOptions options,
    ILogger<JobLoops> log
) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10),
        LongestPause = TimeSpan.FromMilliseconds(100),
        RepairEvery = TimeSpan.FromSeconds(30);

    private readonly FailureLimit _failures = new(store);
    private readonly SemaphoreSlim _never = new(0, 1);
    private readonly Dictionary<Guid, Task> _planning = [];

    /// <summary>Chunks explained since the last publish. A quarter of the window is worth publishing for.</summary>
    private int _explained;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var subscription = events.Subscribe(_ =>
        {
            if (Interlocked.Increment(ref _explained) >= publisher.Window / 4)
                signal.Planned();
        });
        await Task.WhenAll(
            EveryAsync(options.Poll, signal.Publish, PublishAsync, "publish jobs", stoppingToken),
            EveryAsync(options.Poll, signal.Plan, PlanAsync, "plan jobs", stoppingToken),
            // Each loop is a task of its own, so that one failure does not stop the others.
            EveryAsync(options.Poll * 4, _never, sweeper.RequeueExpiredAsync, "requeue expired chunks", stoppingToken),
            EveryAsync(options.Poll * 4, _never, sweeper.PublishCompletionsAsync, "publish completions", stoppingToken),
            EveryAsync(RepairEvery, _never, store.RepairAsync, "repair the store", stoppingToken)
        );
        await Task.WhenAll(_planning.Values.Select(planning => planning.ContinueWith(_ => { }, TaskScheduler.Default)));
    }

    private async Task PublishAsync(CancellationToken cancellationToken)
    {
        Interlocked.Exchange(ref _explained, 0);
        var all = await JobsAsync(JobState.Running, cancellationToken);
        var running = new List<Job>(all.Count);
        foreach (var job in all)
            if (await _failures.AllowAsync(job, cancellationToken))
                running.Add(job);
        _failures.Forget(except: all);
        await publisher.PublishAsync(running, cancellationToken);
    }

    private async Task PlanAsync(CancellationToken cancellationToken)
    {
        foreach (var (done, task) in _planning.Where(planning => planning.Value.IsCompleted).ToList())
        {
            _planning.Remove(done);
            if (task.Exception?.InnerException is { } e)
                log.LogWarning("Could not plan job {Job}, will retry: {Reason}", done, e.Message);
        }
        foreach (var job in await store.Jobs.UnplannedAsync(cancellationToken))
            if (!_planning.ContainsKey(job))
                _planning[job] = Task.Run(() => planner.PlanAsync(job, cancellationToken), cancellationToken);
    }

    private async Task<List<Job>> JobsAsync(JobState state, CancellationToken cancellationToken)
    {
        var jobs = new List<Job>();
        string? cursor = null;
        do
        {
            var page = await store.Jobs.PageAsync(
                new JobQuery
                {
                    State = state,
                    Limit = ItemQuery.MaxLimit,
                    Cursor = cursor,
                },
                cancellationToken
            );
            jobs.AddRange(page.Jobs);
            cursor = page.Next;
        } while (cursor is not null);
        return jobs;
    }

    private async Task EveryAsync(
        TimeSpan poll,
        SemaphoreSlim wake,
        Func<CancellationToken, Task> work,
        string what,
        CancellationToken cancellationToken
    )
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                var startedAt = TimeProvider.System.GetTimestamp();
                await work(cancellationToken);
                var cost = TimeProvider.System.GetElapsedTime(startedAt);
                await wake.WaitAsync(poll, cancellationToken);
                // One poll serves a burst of signals, and slow polls are made less often.
                await Task.Delay(
                    TimeSpan.FromMilliseconds(
                        Math.Clamp(2 * cost.TotalMilliseconds, Pause.TotalMilliseconds, LongestPause.TotalMilliseconds)
                    ),
                    cancellationToken
                );
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested) { }
            catch (Exception e)
            {
                log.LogWarning("Could not {What}, will retry: {Reason}", what, e.Message);
                await Task.Delay(poll, cancellationToken).ContinueWith(_ => { }, TaskScheduler.Default);
            }
        }
    }
}
