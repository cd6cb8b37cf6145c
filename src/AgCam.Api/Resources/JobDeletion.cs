using AgCam.Api.Security;
using AgCam.Api.Views;
using AgCam.Pipeline.Stores;
using Microsoft.AspNetCore.Http.HttpResults;

namespace AgCam.Api.Resources;

/// <summary>Deletes one job, or ended jobs by tag and age.</summary>
internal static class JobDeletion
{
    /// <summary>Maximum time of one request. The repair loop finishes a deletion that it interrupts.</summary>
    private static readonly TimeSpan DeletionTime = TimeSpan.FromSeconds(20);

    public static async Task<Results<NoContent, ProblemHttpResult>> DeleteAsync(Guid id, IStore store, CancellationToken cancellationToken)
    {
        if (await store.Jobs.FindAsync(id, cancellationToken) is null)
            return Jobs.Missing(id); // the id of a request is not deleted here
        await store.Jobs.CancelAsync(id, "deleted", cancellationToken);
        return await store.Jobs.DeleteAsync(id, cancellationToken) ? TypedResults.NoContent() : Jobs.Missing(id);
    }

    public static async Task<Ok<DeletedJobsView>> DeleteEndedAsync(
        HttpContext http,
        IStore store,
        Ownership ownership,
        CancellationToken cancellationToken
    )
    {
        var query = http.Request.Query;
        var ended = new EndedJobsQuery
        {
            Before =
                query.Time("before")
                ?? throw new InvalidRequestException(
                    "before is missing.",
                    "Give the time before which the jobs must have ended: before=2026-01-31T12:00:00Z."
                ),
            Tag = query.Text("tag"),
            Owner = Ownership.Limit(http),
            Limit = query.Whole("limit", 1, ItemQuery.MaxLimit) ?? 100,
        };
        if (query.Flag("dryRun") == true)
        {
            var all = await store.Jobs.CountEndedAsync(ended, cancellationToken);
            return TypedResults.Ok(new DeletedJobsView(true, all.Jobs, all.Images, all.Jobs));
        }
        var (jobs, images) = (0, 0L);
        using var time = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        time.CancelAfter(DeletionTime);
        foreach (var job in await store.Jobs.EndedAsync(ended, cancellationToken))
        {
            if (time.IsCancellationRequested)
                break;
            if (!await TryDeleteAsync(job.Id, store, time.Token, cancellationToken))
                continue;
            ownership.Changed(http, job.Id);
            jobs++;
            images += job.Images ?? 0;
        }
        return TypedResults.Ok(new DeletedJobsView(false, jobs, images, (await store.Jobs.CountEndedAsync(ended, cancellationToken)).Jobs));
    }

    /// <returns>Whether the job is deleted. When the time is over, its last items may remain.</returns>
    private static async Task<bool> TryDeleteAsync(Guid job, IStore store, CancellationToken timeOver, CancellationToken cancellationToken)
    {
        try
        {
            return await store.Jobs.DeleteAsync(job, timeOver);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return await store.Jobs.FindAsync(job, cancellationToken) is null;
        }
    }
}
