using System.IO.Compression;
using AgCam.Api.Security;
using AgCam.Api.Views;
using AgCam.Audit.Findings;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Microsoft.AspNetCore.Http.HttpResults;

namespace AgCam.Api.Resources;

/// <summary>Reports and findings of audits.</summary>
internal static class Audits
{
    public static void MapAudits(this IEndpointRouteBuilder v1)
    {
        var job = v1.MapGroup("/jobs/{id:guid}");
        job.MapGet("/audit", ReportAsync)
            .TakesQuery()
            .Needs(Scope.Read)
            .Produces(StatusCodes.Status200OK, contentType: "application/json")
            .WithSummary("Read the report of an audit")
            .WithDescription(
                "The object that `agcam audit --json` prints: counts, shares and gates, and the 20 worst of each finding. It was computed "
                    + "when the job completed."
            );
        job.MapGet("/findings", ListAsync)
            .TakesQuery("finding", "class", "image", "issues", "limit", "cursor")
            .Needs(Scope.Read)
            .WithSummary("List what an audit found")
            .WithDescription(
                "In the order of the report, worst first within each finding. finding is a name, class a name or index, image the number "
                    + "of an image in the audited job; issues=true leaves out what the findings do not count. An index serves each "
                    + "combination: follow next."
            );
    }

    private static async Task<Results<FileStreamHttpResult, ProblemHttpResult>> ReportAsync(
        Guid id,
        IStore store,
        CancellationToken cancellationToken
    )
    {
        if (await store.Audits.ReportAsync(id, cancellationToken) is { } report)
            return TypedResults.Stream(new GZipStream(new MemoryStream(report), CompressionMode.Decompress), "application/json");
        return await MissingAsync(id, store, cancellationToken);
    }

    private static async Task<Results<Ok<PageView<FindingView>>, ProblemHttpResult>> ListAsync(
        Guid id,
        HttpContext http,
        IStore store,
        ModelCatalog models,
        CancellationToken cancellationToken
    )
    {
        if (await store.Jobs.FindAsync(id, cancellationToken) is not { Spec.Audit: not null, State: JobState.Completed } job)
            return await MissingAsync(id, store, cancellationToken);
        var query = http.Request.Query;
        var finding = query.Text("finding");
        if (finding is not null && !FindingList.Names.Contains(finding))
            throw new InvalidRequestException(
                $"finding={finding} is not a finding.",
                $"Use one of {string.Join(", ", FindingList.Names)}, or leave it out."
            );
        var page = await store.Audits.PageAsync(
            new FindingQuery
            {
                Job = id,
                Finding = finding,
                Class = query.Text("class") is { } name ? await ClassAsync(name, job, models, cancellationToken) : null,
                Image = query.Whole("image", 0, int.MaxValue),
                OnlyIssues = query.Flag("issues") == true,
                Limit = query.Whole("limit", 1, ItemQuery.MaxLimit) ?? 100,
                Cursor = query.Text("cursor"),
            },
            cancellationToken
        );
        Links.Next(http, page.Next);
        return TypedResults.Ok(new PageView<FindingView>([.. page.Findings.Select(FindingView.Of)], page.Next));
    }

    /// <exception cref="InvalidRequestException">The model has no such class.</exception>
    private static async Task<int> ClassAsync(string name, Job job, ModelCatalog models, CancellationToken cancellationToken)
    {
        var classes = (await models.DescribeAsync(job.Spec.Model.Id, cancellationToken)).Classes;
        return classes.Find(name) is >= 0 and var index
            ? index
            : throw new InvalidRequestException(
                $"class={name} is not a class of {job.Spec.Model.Id}.",
                $"Its classes are listed by GET /v1/models/{job.Spec.Model.Id}."
            );
    }

    private static async Task<ProblemHttpResult> MissingAsync(Guid id, IStore store, CancellationToken cancellationToken)
    {
        if (await store.Jobs.FindAsync(id, cancellationToken) is not { } job)
            return Jobs.Missing(id);
        return job.Spec.Audit is null
            ? Problem.NotFound(
                $"audit of the job {id}",
                $"Audit it: POST /v1/jobs with {{\"source\": \"{AuditSpec.Source}{id}\", \"audit\": {{}}}}."
            )
            : Problem.Conflict(
                "not-completed",
                $"The job {id} is {job.State.ToString().ToLowerInvariant()}: its audit is not finished.",
                $"Wait until it has completed: GET /v1/jobs/{id}?wait=30."
            );
    }
}
