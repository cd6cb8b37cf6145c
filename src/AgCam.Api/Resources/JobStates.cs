using AgCam.Api.Views;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Microsoft.AspNetCore.Http.HttpResults;

namespace AgCam.Api.Resources;

/// <summary>Pauses, resumes and cancels jobs.</summary>
internal static class JobStates
{
    public static Task<Results<Ok<JobView>, ProblemHttpResult>> PauseAsync(Guid id, IStore store, CancellationToken cancellationToken) =>
        ChangeAsync(
            id,
            store,
            job => store.Jobs.PauseAsync(job, "paused by request", cancellationToken),
            JobState.Paused,
            "paused",
            cancellationToken
        );

    public static async Task<Results<Ok<JobView>, ProblemHttpResult>> ResumeAsync(
        Guid id,
        IStore store,
        JobSignal signal,
        CancellationToken cancellationToken
    )
    {
        if (await store.Jobs.FindAsync(id, cancellationToken) is { State: JobState.Paused } job && PauseCode.IsPermanent(job.Reason))
            return Problem.Conflict(
                "job-state",
                $"Job {id} can never run and cannot be resumed: {job.Reason}",
                "Cancel it and submit a new job."
            );
        return await ChangeAsync(
            id,
            store,
            async paused =>
            {
                var resumed = await store.Jobs.ResumeAsync(paused, cancellationToken);
                signal.Changed();
                return resumed;
            },
            JobState.Running,
            "resumed",
            cancellationToken
        );
    }

    public static Task<Results<Ok<JobView>, ProblemHttpResult>> CancelAsync(Guid id, IStore store, CancellationToken cancellationToken) =>
        ChangeAsync(
            id,
            store,
            job => store.Jobs.CancelAsync(job, "cancelled by request", cancellationToken),
            JobState.Cancelled,
            "cancelled",
            cancellationToken
        );

    /// <summary>
    /// Changes the state of a job. A job that is already in the wanted state is no error, so the request can be repeated.
    /// </summary>
    private static async Task<Results<Ok<JobView>, ProblemHttpResult>> ChangeAsync(
        Guid id,
        IStore store,
        Func<Guid, Task<bool>> change,
        JobState wanted,
        string done,
        CancellationToken cancellationToken
    )
    {
        var changed = await change(id);
        if (await store.Jobs.FindAsync(id, cancellationToken) is not { } job)
            return Jobs.Missing(id);
        return changed || job.State == wanted
            ? TypedResults.Ok(JobView.Of(job))
            : Problem.Conflict(
                "job-state",
                $"Job {id} is {job.State} and cannot be {done}.",
                "Read its state again. An ended job cannot be changed."
            );
    }
}
