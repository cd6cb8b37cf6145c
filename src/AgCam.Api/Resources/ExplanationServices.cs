using AgCam.Api.Security;
using AgCam.Pipeline;
using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;

namespace AgCam.Api.Resources;

/// <summary>Services that requests for explanations use.</summary>
internal sealed record ExplanationServices(
    ApiOptions Options,
    PipelineOptions Pipeline,
    ReferenceReader References,
    IStore Store,
    IExplainBus Bus,
    ModelCatalog Models,
    ApiKeys Keys,
    Ownership Ownership,
    ImageRate Rate,
    Admission Admission,
    UploadIntake Intake,
    ResultWaiter Waiting,
    ILogger<ExplanationServices> Log
)
{
    /// <exception cref="InvalidRequestException">The wait exceeds the maximum.</exception>
    public TimeSpan Wait(HttpContext http) => TimeSpan.FromSeconds(http.Request.Query.Number("wait", 0, Options.MaxWaitSeconds) ?? 0);

    /// <summary>Publishes the stored request. If the bus fails, the sweeper publishes it after its visibility timeout.</summary>
    public async Task PublishAsync(ExplainImages message, CancellationToken cancellationToken)
    {
        try
        {
            await PublishAsync(message).WaitAsync(BrokerTimeout, cancellationToken);
        }
        catch (TimeoutException)
        {
            Log.LogWarning("The broker is slow to take request {Request}, which is stored", message.Owner);
        }
    }

    /// <summary>Maximum time that an answer waits for the broker. The bus continues to publish in the background.</summary>
    private static readonly TimeSpan BrokerTimeout = TimeSpan.FromSeconds(3);

    private async Task PublishAsync(ExplainImages message)
    {
        try
        {
            await Bus.PublishAsync(message, CancellationToken.None);
        }
        catch (Exception broker)
        {
            Log.LogWarning("Request {Request} is stored and will be published later: {Reason}", message.Owner, broker.Message);
        }
    }

    /// <returns>Whether a request exists under this id.</returns>
    /// <exception cref="KeyUsedException">The key was used for a job.</exception>
    public async Task<bool> IsUsedAsync(Guid owner, CancellationToken cancellationToken)
    {
        if (await Store.Chunks.FindClaimAsync(owner, cancellationToken) is { Kind: ClaimKind.Job })
            throw new KeyUsedException(owner, ClaimKind.Job);
        return await Store.Chunks.FindAsync(owner, 0, cancellationToken) is not null
            || await Store.Items.FindAsync(owner, 0, cancellationToken) is not null;
    }

    /// <returns>
    /// Whether this same request was made under its key before. A claim without request and result does not count: its process died before
    /// it answered.
    /// </returns>
    /// <exception cref="KeyUsedException">The key was used for a job or for another request.</exception>
    public async Task<bool> IsKnownAsync(ExplainImages message, CancellationToken cancellationToken)
    {
        if (await Store.Chunks.FindClaimAsync(message.Owner, cancellationToken) is not { } claim)
            return false;
        if (!claim.Admits(Claim.Of(message, claim.Owner)))
            throw new KeyUsedException(message.Owner, claim.Kind);
        return await Store.Chunks.FindAsync(message.Owner, 0, cancellationToken) is not null
            || await Store.Items.FindAsync(message.Owner, 0, cancellationToken) is not null;
    }
}
