using AgCam.Attribution;
using AgCam.Models;
using AgCam.Native;
using AgCam.Pipeline.Messages;
using AgCam.Worker.Batching;
using AgCam.Worker.Engines;

namespace AgCam.Worker.Chunks;

/// <summary>The request as a whole cannot be carried out here, whatever its images are: its job is paused with the reason.</summary>
internal sealed class RequestException(string reason, string detail, Exception? inner = null) : Exception(detail, inner)
{
    /// <summary>A stable code.</summary>
    public string Reason => reason;
}

/// <summary>From a request's words to an engine and what is asked of it.</summary>
internal static class Planning
{
    /// <exception cref="RequestException">There is no such method.</exception>
    public static AttributionMethod MethodOf(ExplainImages request) =>
        AttributionMethod.Find(request.Method)
        ?? throw new RequestException(
            WorkerFailure.NoSuchMethod,
            $"There is no method \"{request.Method}\"; this worker knows {AttributionMethod.Names}."
        );

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
            throw new RequestException(ModelFailure.Unreadable, $"The model {model.Id} cannot be loaded here: {e.Message}", e);
        }
    }

    /// <exception cref="RequestException">The model has no such class, or the method does not explain what is asked for.</exception>
    public static Plan PlanOf(ExplainImages request, AttributionMethod method, IExplainEngine engine)
    {
        Plan plan;
        try
        {
            plan = Plan.Of(engine, method, [.. request.Targets.Select(target => Target.Parse(target, engine.Classes))], request.Targets);
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
