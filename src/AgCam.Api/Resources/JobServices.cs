using AgCam.Api.Security;
using AgCam.Pipeline;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;

namespace AgCam.Api.Resources;

/// <summary>Services that requests for jobs use.</summary>
internal sealed record JobServices(
    PipelineOptions Pipeline,
    ReferenceReader References,
    IStore Store,
    JobSignal Signal,
    ModelCatalog Models,
    ApiKeys Keys,
    Ownership Ownership,
    ImageRate Rate
)
{
    /// <summary>Chooses the model and checks the request against it.</summary>
    public async Task<JobSpec> SpecAsync(JobRequest request, CancellationToken cancellationToken)
    {
        var model = await AuditedModelAsync(request, cancellationToken) ?? await Models.ChooseAsync(request.Model, cancellationToken);
        return request.ToSpec(model, await Models.DescribeAsync(model.Id, cancellationToken), Pipeline.Webhooks);
    }

    /// <summary>Returns the model of the job that the request audits; null when it names other images.</summary>
    /// <exception cref="InvalidMessageException">There is no such job, it has not completed, or another model is named.</exception>
    private async Task<ModelPin?> AuditedModelAsync(JobRequest request, CancellationToken cancellationToken)
    {
        if (AuditSpec.AuditedJob(request.Source ?? "") is not { } id)
            return null;
        if (await Store.Jobs.FindAsync(id, cancellationToken) is not { } job)
            throw Invalid("source", $"names no job: there is no {id}");
        if (job.State != JobState.Completed || job.Spec.Evaluation is not null)
            throw Invalid(
                "source",
                job.Spec.Evaluation is null
                    ? $"must be a completed job, and {id} is {job.State.ToString().ToLowerInvariant()}"
                    : $"must be a job that explains, and {id} is an evaluation, which stores no explanations"
            );
        if (request.Model is { } model && model != job.Spec.Model.Id)
            throw Invalid("model", $"must be left out, or be that of the job, {job.Spec.Model.Id}");
        return await Models.PinAsync(job.Spec.Model.Id, cancellationToken) == job.Spec.Model
            ? job.Spec.Model
            : throw Invalid("source", $"was computed with other weights than the configured model {job.Spec.Model.Id} has");

        static InvalidMessageException Invalid(string field, string problem) => new([new FieldProblem(field, problem)]);
    }

    /// <summary>Stores the job, wakes the planner, and records the change unless the job existed.</summary>
    public async Task<JobCreation> CreateAsync(HttpContext http, JobSpec spec, string? key, CancellationToken cancellationToken)
    {
        var creation = await Store.Jobs.CreateAsync(spec, key, cancellationToken);
        Signal.Changed();
        if (creation.Outcome == JobCreated.New)
            Ownership.Changed(http, creation.Job.Id);
        return creation;
    }
}
