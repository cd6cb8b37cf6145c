using AgCam.Models;
using AgCam.Pipeline.Messages;
using AgCam.Worker.Engines;

namespace AgCam.Worker.Tests.Running;

/// <summary>Refuses to load a model until the test provides it.</summary>
internal sealed class LateLoader : IEngineLoader
{
    public volatile bool Has;

    public Task<IExplainEngine> LoadAsync(ModelPin model, string dtype, CancellationToken cancellationToken) =>
        Has
            ? new NullLoader().LoadAsync(model, dtype, cancellationToken)
            : throw new ModelException(ModelFailure.NotFound, $"This worker has no model {model.Id} yet.");
}
