using AgCam.Api.Exports;
using AgCam.Api.Security;
using AgCam.Api.Views;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Microsoft.AspNetCore.Http.HttpResults;

namespace AgCam.Api.Resources;

/// <summary>The routes of jobs, and what lists and shows them.</summary>
internal static class Jobs
{
    public static void MapJobs(this IEndpointRouteBuilder v1)
    {
        v1.MapPost("/jobs", JobSubmission.CreateAsync)
            .TakesQuery()
            .Needs(Scope.Submit)
            .Changes(Change.New)
            .WithSummary("Create a job")
            .WithDescription(
                "With an Idempotency-Key header the same key returns the same job (200); with another body, or the key of a request, "
                    + "it is a 409."
            );
        v1.MapPost("/jobs/dry-run", JobSubmission.EstimateAsync)
            .RequireRateLimiting(KeyConcurrency.DryRuns)
            .TakesQuery()
            .Needs(Scope.Submit)
            .Changes(Change.Nothing)
            .WithSummary("Estimate a job without running it")
            .WithDescription(
                $"The body of a job. {DryRun.SampleSize} of its images are read and decoded; the answer says how many can be, "
                    + $"how many labels the model has classes for, about how many hours and store bytes it would be. "
                    + $"Where the model has explained nothing yet, a worker explains a few of them for the pace "
                    + $"(paceFrom is sample, else history); without one hours are left out and hoursUnknown says why. "
                    + $"Nothing else is stored."
            );
        v1.MapGet("/jobs", ListAsync)
            .TakesQuery("tag", "state", "limit", "cursor")
            .Needs(Scope.Read)
            .WithSummary("List jobs, newest first");
        v1.MapDelete("/jobs", JobDeletion.DeleteEndedAsync)
            .TakesQuery("before", "tag", "limit", "dryRun")
            .Needs(Scope.Submit)
            .Changes(Change.Own)
            .WithSummary("Delete ended jobs and their items")
            .WithDescription(
                "Jobs that were completed or cancelled before the time `before`, with `tag` only those that have it, the oldest end first. "
                    + "One request deletes at most `limit` of them (default 100) and starts no further deletion after 20 seconds. "
                    + "Repeat it until `remaining` is 0. "
                    + "dryRun=true only counts. Jobs with a pending webhook are not deleted. "
                    + "Jobs of other keys are not deleted, unless the key has the scope admin."
            );

        var item = v1.MapGroup("/jobs/{id:guid}");
        item.MapGet("", ShowAsync)
            .RequireRateLimiting(KeyConcurrency.Held)
            .TakesQuery("wait")
            .Needs(Scope.Read)
            .WithSummary("Show a job")
            .WithDescription("With ?wait=seconds it answers when the job has ended, or after that time.");
        item.MapGet("/items", ListItemsAsync)
            .TakesQuery(Items.OfJobNames)
            .Needs(Scope.Read)
            .WithSummary("List a job's items")
            .WithDescription("Filters and sorts of /v1/items with job set.");
        item.MapGet("/events", JobEvents.SendAsync)
            .RequireRateLimiting(KeyConcurrency.Held)
            .TakesQuery()
            .Needs(Scope.Read)
            .WithSummary("Follow a job")
            .WithDescription("Server-sent events: the job whenever its numbers change, until it has ended.");
        item.MapGet("/export", Export.WriteAsync)
            .RequireRateLimiting(KeyConcurrency.Exports)
            .TakesQuery("format")
            .Needs(Scope.Read)
            .WithSummary("Export a job's items")
            .WithDescription($"format is {string.Join(", ", Export.Formats)}.");
        item.MapGet("/rows", Rows.WriteAsync)
            .RequireRateLimiting(KeyConcurrency.Exports)
            .TakesQuery()
            .Needs(Scope.Read)
            .WithSummary("Read an evaluation's rows")
            .WithDescription(
                "Measurements of each image as JSON lines in the order of the images: the file that `agcam evaluate --rows` writes. "
                    + "The last line exists when the job has completed."
            );
        item.MapPost("/pause", JobStates.PauseAsync)
            .TakesQuery()
            .Needs(Scope.Submit)
            .Changes(Change.One)
            .WithSummary("Pause a job")
            .WithDescription("No more chunks start until it is resumed.");
        item.MapPost("/resume", JobStates.ResumeAsync)
            .TakesQuery()
            .Needs(Scope.Submit)
            .Changes(Change.One)
            .WithSummary("Resume a paused job")
            .WithDescription("A job whose canResume is false can never run: it is refused with 409 and the reason.");
        item.MapPost("/cancel", JobStates.CancelAsync)
            .TakesQuery()
            .Needs(Scope.Submit)
            .Changes(Change.One)
            .WithSummary("Cancel a job")
            .WithDescription("Stored results are kept.");
        item.MapPost("/retry", JobSubmission.RetryAsync)
            .TakesQuery()
            .Needs(Scope.Submit)
            .Changes(Change.One)
            .WithSummary("Retry a job's failures")
            .WithDescription(
                "Creates a child job of the failed images, or for an evaluation or an audit one of the whole source. "
                    + "A second retry returns the first. The child has the owner of its parent."
            );
        item.MapDelete("", JobDeletion.DeleteAsync)
            .TakesQuery()
            .Needs(Scope.Submit)
            .Changes(Change.One)
            .WithSummary("Delete a job and its items")
            .WithDescription("A running job is cancelled first. Retention deletes explanations.");
    }

    private static async Task<Ok<PageView<JobView>>> ListAsync(HttpContext http, IStore store, CancellationToken cancellationToken)
    {
        var query = http.Request.Query;
        var page = await store.Jobs.PageAsync(
            new JobQuery
            {
                Tag = query.Text("tag"),
                State = query.OneOf<JobState>("state"),
                Limit = query.Whole("limit", 1, ItemQuery.MaxLimit) ?? 100,
                Cursor = query.Text("cursor"),
            },
            cancellationToken
        );
        Links.Next(http, page.Next);
        return TypedResults.Ok(new PageView<JobView>([.. page.Jobs.Select(JobView.Of)], page.Next));
    }

    private static async Task<Results<Ok<JobView>, ProblemHttpResult>> ShowAsync(
        Guid id,
        HttpContext http,
        ExplanationServices services,
        CancellationToken cancellationToken
    ) =>
        await services.Waiting.JobAsync(id, services.Wait(http), cancellationToken) is { } job
            ? TypedResults.Ok(JobView.Of(job))
            : Missing(id);

    private static async Task<Results<Ok<PageView<ItemView>>, ProblemHttpResult>> ListItemsAsync(
        Guid id,
        HttpContext http,
        IStore store,
        CancellationToken cancellationToken
    )
    {
        if (await store.Jobs.FindAsync(id, cancellationToken) is null)
            return Missing(id);
        return await Items.PageAsync(Items.Read(http.Request.Query) with { Job = id }, http, store, cancellationToken);
    }

    internal static ProblemHttpResult Missing(Guid id) => Problem.NotFound($"job {id}", "List the jobs: GET /v1/jobs.");
}
