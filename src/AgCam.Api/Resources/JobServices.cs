using AgCam.Api.Security;
using AgCam.Pipeline;
using AgCam.Pipeline.Jobs;
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
        var model = await Models.ChooseAsync(request.Model, cancellationToken);
        return request.ToSpec(model, await Models.DescribeAsync(model.Id, cancellationToken), Pipeline.Webhooks);
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
