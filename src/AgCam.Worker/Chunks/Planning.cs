using AgCam.Attribution;
using AgCam.Models;
using AgCam.Native;
using AgCam.Pipeline.Messages;
using AgCam.Worker.Batching;
using AgCam.Worker.Engines;

namespace AgCam.Worker.Chunks;

/// <summary>Reports a request that this worker cannot process, whatever its images are. Its job is paused with the reason.</summary>
internal sealed class RequestException(string reason, string detail, Exception? inner = null) : Exception(detail, inner)
{
    /// <summary>Stable code of the reason.</summary>
    public string Reason => reason;
}

/// <summary>Resolves a request's names to a method, an engine and a plan.</summary>
internal static class Planning
{
    /// <summary>Returns the request's attribution method.</summary>
    /// <exception cref="RequestException">The method is unknown.</exception>
    public static AttributionMethod MethodOf(ExplainImages request) =>
        AttributionMethod.Find(request.Method)
        ?? throw new RequestException(
            WorkerFailure.NoSuchMethod,
            $"There is no method \"{request.Method}\". This worker has {AttributionMethod.Names}."
        );

    /// <summary>Loads the model if necessary and returns a use of it.</summary>
    /// <exception cref="RequestException">The model cannot be loaded.</exception>
    public static async Task<EngineUse> ModelAsync(
        this EnginePool engines,
        ModelPin model,
        string dtype,
        CancellationToken cancellationToken
    )
    {
        try
        {
            return await engines.UseAsync(model, dtype, cancellationToken);
        }
        catch (ModelException e)
        {
            throw new RequestException(e.Reason, e.Message, e);
        }
        catch (Exception e) when (e is DeviceException or NativeBackendException)
        {
            throw new RequestException(ModelFailure.Unreadable, $"This worker cannot load the model {model.Id}: {e.Message}", e);
        }
    }

    /// <summary>Returns the engine's plan for the request's targets.</summary>
    /// <exception cref="RequestException">The model lacks a class, or the method cannot explain the request.</exception>
    public static Plan PlanOf(ExplainImages request, AttributionMethod method, IExplainEngine engine)
    {
        Plan plan;
        try
        {
            plan = Plan.Of(
                engine,
                method,
                [.. request.Targets.Select(target => Target.Parse(target, engine.Classes))],
                request.Targets,
                request.Embedding
            );
        }
        catch (TargetException e)
        {
            throw new RequestException(WorkerFailure.NoSuchTarget, e.Message, e);
        }
        if (plan.Options.Refusal(engine.Explainer?.Config) is not { } refusal)
            return plan;
        var reason = refusal.Field == "method" ? ModelFailure.UnsupportedArchitecture : WorkerFailure.NoSuchTarget;
        throw new RequestException(reason, refusal.Reason);
    }
}
