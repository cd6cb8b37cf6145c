using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using AgCam.Api.Exports;
using AgCam.Api.Security;
using AgCam.Api.Views;
using AgCam.Pipeline;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Jobs.Sources;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Telemetry;
using Microsoft.AspNetCore.Http.HttpResults;

namespace AgCam.Api.Resources;

/// <summary>Creates, follows, changes, exports and deletes jobs.</summary>
internal static class Jobs
{
    private const string SourceNext =
        "Correct \"source\": folders must be below a root, and buckets in the list, that the operator allows.";

    /// <summary>Interval after which an unchanged job is sent again, so that proxies keep the connection.</summary>
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(15);

    public static void MapJobs(this IEndpointRouteBuilder v1)
    {
        v1.MapPost("/jobs", CreateAsync)
            .TakesQuery()
            .Needs(Scope.Submit)
            .Changes(Change.New)
            .WithSummary("Create a job")
            .WithDescription(
                "With an Idempotency-Key header the same key returns the same job (200); with another body, or the key of a request, "
                    + "it is a 409."
            );
        v1.MapPost("/jobs/dry-run", TryAsync)
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
        v1.MapDelete("/jobs", DeleteEndedAsync)
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
        item.MapGet("/events", EventsAsync)
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
        item.MapPost("/pause", PauseAsync)
            .TakesQuery()
            .Needs(Scope.Submit)
            .Changes(Change.One)
            .WithSummary("Pause a job")
            .WithDescription("No more chunks start until it is resumed.");
        item.MapPost("/resume", ResumeAsync)
            .TakesQuery()
            .Needs(Scope.Submit)
            .Changes(Change.One)
            .WithSummary("Resume a paused job")
            .WithDescription("A job whose canResume is false can never run: it is refused with 409 and the reason.");
        item.MapPost("/cancel", CancelAsync)
            .TakesQuery()
            .Needs(Scope.Submit)
            .Changes(Change.One)
            .WithSummary("Cancel a job")
            .WithDescription("Stored results are kept.");
        item.MapPost("/retry", RetryAsync)
            .TakesQuery()
            .Needs(Scope.Submit)
            .Changes(Change.One)
            .WithSummary("Retry a job's failures")
            .WithDescription(
                "Creates a child job of the failed images, or for an evaluation one that measures the whole dataset again. "
                    + "A second retry returns the first. The child has the owner of its parent."
            );
        item.MapDelete("", DeleteAsync)
            .TakesQuery()
            .Needs(Scope.Submit)
            .Changes(Change.One)
            .WithSummary("Delete a job and its items")
            .WithDescription("A running job is cancelled first. Retention deletes explanations.");
    }

    private static async Task<Results<Created<JobView>, Ok<JobView>, ProblemHttpResult>> CreateAsync(
        JobRequest request,
        HttpContext http,
        IStore store,
        JobSignal signal,
        ModelCatalog models,
        ReferenceReader references,
        ApiKeys keys,
        Ownership ownership,
        ImageRate rate,
        PipelineOptions pipeline,
        CancellationToken cancellationToken
    )
    {
        var key = IdempotencyKey.Of(http, keys);
        var model = await models.ChooseAsync(request.Model, cancellationToken);
        var spec = request.ToSpec(model, await models.DescribeAsync(model.Id, cancellationToken), pipeline.Webhooks);
        spec = spec with { Trace = JobTrace.Here, Owner = ownership.Owner(http) };
        IImageSource source;
        try
        {
            source = ImageSource.Open(spec, references, store); // finds the errors of the planner now
        }
        catch (SourceException unusable)
        {
            return Problem.Invalid(unusable.Message, SourceNext);
        }
        if (key is null || await IsFreeAsync(RequestId.Of(key), store, cancellationToken))
        {
            int images;
            try
            {
                images = await CountAsync(source, rate.Most, cancellationToken);
            }
            catch (SourceException unusable)
            {
                return Problem.Invalid(unusable.Message, SourceNext);
            }
            if (rate.Take(http.User.Identity!.Name!, images) is { } after)
                return TooMany(http, after);
        }
        var creation = await store.Jobs.CreateAsync(spec, key, cancellationToken);
        signal.Changed();
        if (creation.Outcome == JobCreated.New)
            ownership.Changed(http, creation.Job.Id);
        return creation.Outcome switch
        {
            JobCreated.New => TypedResults.Created($"/v1/jobs/{creation.Job.Id}", JobView.Of(creation.Job)),
            JobCreated.Existing => TypedResults.Ok(JobView.Of(creation.Job)),
            _ => Problem.Conflict(
                "key-used",
                $"The Idempotency-Key \"{IdempotencyKey.Given(http)}\" was used for another job, {creation.Job.Id}.",
                "Use a new key for a new job. The same key is only for the same job."
            ),
        };
    }

    /// <exception cref="KeyUsedException">The id is a request's.</exception>
    private static async Task<bool> IsFreeAsync(Guid id, IStore store, CancellationToken cancellationToken)
    {
        if (await store.Chunks.FindClaimAsync(id, cancellationToken) is { Kind: ClaimKind.Request })
            throw new KeyUsedException(id, ClaimKind.Request);
        return await store.Jobs.FindAsync(id, cancellationToken) is null;
    }

    private static async Task<Results<Ok<DryRunReport>, ProblemHttpResult>> TryAsync(
        JobRequest request,
        HttpContext http,
        DryRunLimiter services,
        ModelCatalog models,
        ImageRate rate,
        PipelineOptions pipeline,
        CancellationToken cancellationToken
    )
    {
        var model = await models.ChooseAsync(request.Model, cancellationToken);
        var spec = request.ToSpec(model, await models.DescribeAsync(model.Id, cancellationToken), pipeline.Webhooks);
        if (spec.Evaluation is not null)
            return Problem.Invalid(
                "A dry run is not possible for an evaluation.",
                "Create the evaluation; it can be cancelled at any time."
            );
        if (rate.Take(http.User.Identity!.Name!) is { } after)
            return Problem.Later(
                http,
                StatusCodes.Status429TooManyRequests,
                "rate-limited",
                "The key has reached its limit of images per minute.",
                after
            );
        try
        {
            return await services.RunAsync(spec, cancellationToken) is { } report
                ? TypedResults.Ok(report)
                : Problem.Later(
                    http,
                    StatusCodes.Status429TooManyRequests,
                    "busy",
                    "Other dry runs are in progress.",
                    TimeSpan.FromSeconds(5)
                );
        }
        catch (SourceException unusable)
        {
            return Problem.Invalid(unusable.Message, SourceNext);
        }
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

    private static async Task<Results<ServerSentEventsResult<JobView>, ProblemHttpResult>> EventsAsync(
        Guid id,
        HttpContext http,
        IStore store,
        ResultWaiter waiting,
        CancellationToken cancellationToken
    )
    {
        if (await store.Jobs.FindAsync(id, cancellationToken) is null)
            return Missing(id);
        http.Response.Headers["X-Accel-Buffering"] = "no"; // proxies would hold events back
        return TypedResults.ServerSentEvents(FollowAsync(id, waiting, cancellationToken));
    }

    private static async IAsyncEnumerable<SseItem<JobView>> FollowAsync(
        Guid id,
        ResultWaiter waiting,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        JobView? received = null;
        var last = TimeProvider.System.GetTimestamp();
        await foreach (var job in waiting.FollowAsync(id, cancellationToken))
        {
            if (
                received is not null
                && job.State == received.State
                && job.Images == received.Images
                && job.Progress == received.Progress
                && TimeProvider.System.GetElapsedTime(last) <= KeepAlive
            )
                continue;
            received = JobView.Of(job);
            last = TimeProvider.System.GetTimestamp();
            yield return new SseItem<JobView>(received, ResultWaiter.HasEnded(job) ? "ended" : "job")
            {
                EventId = $"{job.Progress.ChunksDone}",
            };
        }
    }

    private static Task<Results<Ok<JobView>, ProblemHttpResult>> PauseAsync(Guid id, IStore store, CancellationToken cancellationToken) =>
        ChangeAsync(
            id,
            store,
            job => store.Jobs.PauseAsync(job, "paused by request", cancellationToken),
            JobState.Paused,
            "paused",
            cancellationToken
        );

    private static async Task<Results<Ok<JobView>, ProblemHttpResult>> ResumeAsync(
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

    private static Task<Results<Ok<JobView>, ProblemHttpResult>> CancelAsync(Guid id, IStore store, CancellationToken cancellationToken) =>
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
            return Missing(id);
        return changed || job.State == wanted
            ? TypedResults.Ok(JobView.Of(job))
            : Problem.Conflict(
                "job-state",
                $"Job {id} is {job.State} and cannot be {done}.",
                "Read its state again. An ended job cannot be changed."
            );
    }

    /// <summary>Counts the images of the source for the rate limit, up to a maximum.</summary>
    /// <exception cref="SourceException">The source cannot be read.</exception>
    private static async Task<int> CountAsync(IImageSource source, int maximum, CancellationToken cancellationToken)
    {
        var count = 0;
        await foreach (var _ in source.WalkAsync(new PlanTail(0, 0, null), cancellationToken))
            if (++count >= maximum)
                break;
        return count;
    }

    private static ProblemHttpResult TooMany(HttpContext http, TimeSpan after) =>
        Problem.Later(
            http,
            StatusCodes.Status429TooManyRequests,
            "rate-limited",
            "The key has reached its limit of images per minute.",
            after
        );

    private static async Task<Results<Created<JobView>, Ok<JobView>, ProblemHttpResult>> RetryAsync(
        Guid id,
        HttpContext http,
        IStore store,
        JobSignal signal,
        Ownership ownership,
        ImageRate rate,
        CancellationToken cancellationToken
    )
    {
        if (await store.Jobs.FindAsync(id, cancellationToken) is not { } job)
            return Missing(id);
        if (job.State is not (JobState.Completed or JobState.Cancelled))
            return Problem.Conflict("job-state", $"Job {id} is {job.State}; more images may fail.", "Try again when it has ended.");
        if (job.Progress.Failed == 0)
            return Problem.Conflict("nothing-failed", $"Job {id} has no failed images.", "There is nothing to retry.");
        // Measurements depend on the batch, so an evaluation is repeated on the whole dataset.
        var child = job.Spec with
        {
            Parent = id,
            Source = job.Spec.Evaluation is null ? $"failures:{id}" : job.Spec.Source,
            Trace = JobTrace.Here,
        };
        var images = job.Spec.Evaluation is null ? job.Progress.Failed : job.Images ?? job.Progress.Failed + job.Progress.Completed;
        var key = IdempotencyKey.OfRetry(id);
        if (await IsFreeAsync(RequestId.Of(key), store, cancellationToken) && rate.Take(http.User.Identity!.Name!, images) is { } after)
            return TooMany(http, after);
        var creation = await store.Jobs.CreateAsync(child, key, cancellationToken);
        signal.Changed();
        if (creation.Outcome == JobCreated.New)
            ownership.Changed(http, creation.Job.Id);
        return creation.Outcome == JobCreated.New
            ? TypedResults.Created($"/v1/jobs/{creation.Job.Id}", JobView.Of(creation.Job))
            : TypedResults.Ok(JobView.Of(creation.Job));
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> DeleteAsync(Guid id, IStore store, CancellationToken cancellationToken)
    {
        if (await store.Jobs.FindAsync(id, cancellationToken) is null)
            return Missing(id); // the id of a request is not deleted here
        await store.Jobs.CancelAsync(id, "deleted", cancellationToken);
        return await store.Jobs.DeleteAsync(id, cancellationToken) ? TypedResults.NoContent() : Missing(id);
    }

    /// <summary>Maximum time of one request. The repair loop finishes a deletion that it interrupts.</summary>
    private static readonly TimeSpan DeletionTime = TimeSpan.FromSeconds(20);

    private static async Task<Ok<DeletedJobsView>> DeleteEndedAsync(
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

    internal static ProblemHttpResult Missing(Guid id) => Problem.NotFound($"job {id}", "List the jobs: GET /v1/jobs.");
}
