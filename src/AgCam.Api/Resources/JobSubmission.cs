using AgCam.Api.Security;
using AgCam.Api.Views;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Jobs.Sources;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Telemetry;
using Microsoft.AspNetCore.Http.HttpResults;

namespace AgCam.Api.Resources;

/// <summary>Creates jobs, repeats the failures of ended ones, and estimates jobs that are not created.</summary>
internal static class JobSubmission
{
    private const string SourceNext =
        "Correct \"source\": folders must be below a root, and buckets in the list, that the operator allows.";

    public static async Task<Results<Created<JobView>, Ok<JobView>, ProblemHttpResult>> CreateAsync(
        JobRequest request,
        HttpContext http,
        JobServices services,
        CancellationToken cancellationToken
    )
    {
        var key = IdempotencyKey.Of(http, services.Keys);
        var spec = await services.SpecAsync(request, cancellationToken);
        spec = spec with { Trace = JobTrace.Here, Owner = services.Ownership.Owner(http) };
        IImageSource source;
        try
        {
            source = ImageSource.Open(spec, services.References, services.Store); // finds the planner's errors now
        }
        catch (SourceException unusable)
        {
            return Problem.Invalid(unusable.Message, SourceNext);
        }
        if (key is null || await IsFreeAsync(RequestId.Of(key), services.Store, cancellationToken))
        {
            int images;
            try
            {
                images = await CountAsync(source, services.Rate.Most, cancellationToken);
            }
            catch (SourceException unusable)
            {
                return Problem.Invalid(unusable.Message, SourceNext);
            }
            if (services.Rate.Take(http.User.Identity!.Name!, images) is { } after)
                return TooMany(http, after);
        }
        var creation = await services.CreateAsync(http, spec, key, cancellationToken);
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

    public static async Task<Results<Created<JobView>, Ok<JobView>, ProblemHttpResult>> RetryAsync(
        Guid id,
        HttpContext http,
        JobServices services,
        CancellationToken cancellationToken
    )
    {
        if (await services.Store.Jobs.FindAsync(id, cancellationToken) is not { } job)
            return Jobs.Missing(id);
        if (job.State is not (JobState.Completed or JobState.Cancelled))
            return Problem.Conflict("job-state", $"Job {id} is {job.State}; more images may fail.", "Try again when it has ended.");
        if (job.Progress.Failed == 0)
            return Problem.Conflict("nothing-failed", $"Job {id} has no failed images.", "There is nothing to retry.");
        // Measurements depend on the batch, and an audit is of all images, so both are repeated on the whole source.
        var isWhole = job.Spec.Evaluation is not null || job.Spec.Audit is not null;
        var child = job.Spec with { Parent = id, Source = isWhole ? job.Spec.Source : $"failures:{id}", Trace = JobTrace.Here };
        var images = isWhole ? job.Images ?? job.Progress.Failed + job.Progress.Completed : job.Progress.Failed;
        var key = IdempotencyKey.OfRetry(id);
        if (
            await IsFreeAsync(RequestId.Of(key), services.Store, cancellationToken)
            && services.Rate.Take(http.User.Identity!.Name!, images) is { } after
        )
            return TooMany(http, after);
        var creation = await services.CreateAsync(http, child, key, cancellationToken);
        return creation.Outcome == JobCreated.New
            ? TypedResults.Created($"/v1/jobs/{creation.Job.Id}", JobView.Of(creation.Job))
            : TypedResults.Ok(JobView.Of(creation.Job));
    }

    public static async Task<Results<Ok<DryRunReport>, ProblemHttpResult>> EstimateAsync(
        JobRequest request,
        HttpContext http,
        DryRunLimiter dryRuns,
        JobServices services,
        CancellationToken cancellationToken
    )
    {
        var spec = await services.SpecAsync(request, cancellationToken);
        if (spec.Evaluation is not null)
            return Problem.Invalid(
                "A dry run is not possible for an evaluation.",
                "Create the evaluation; it can be cancelled at any time."
            );
        if (services.Rate.Take(http.User.Identity!.Name!) is { } after)
            return TooMany(http, after);
        try
        {
            return await dryRuns.RunAsync(spec, cancellationToken) is { } report
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

    /// <exception cref="KeyUsedException">The id is a request's.</exception>
    private static async Task<bool> IsFreeAsync(Guid id, IStore store, CancellationToken cancellationToken)
    {
        if (await store.Chunks.FindClaimAsync(id, cancellationToken) is { Kind: ClaimKind.Request })
            throw new KeyUsedException(id, ClaimKind.Request);
        return await store.Jobs.FindAsync(id, cancellationToken) is null;
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
}
