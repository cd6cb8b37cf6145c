using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Stores;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AgCam.Api.Resources;

/// <summary>
/// Liveness and readiness. Live: the process answers. Ready: store and broker answer too. A broker that is down is no reason for a
/// restart.
/// </summary>
internal static class Health
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(3);

    public static void MapHealth(this IEndpointRouteBuilder app)
    {
        var health = app.MapGroup("/health").AllowAnonymous().WithTags("Health");
        health.MapGet("/live", () => TypedResults.Ok(new HealthView("ok"))).WithSummary("Whether the process answers");
        health.MapGet("/ready", ReadyAsync).WithSummary("Whether store and broker answer");
    }

    private static async Task<Results<Ok<HealthView>, JsonHttpResult<HealthView>>> ReadyAsync(
        IStore store,
        HealthCheckService checks,
        ILogger<HealthView> log,
        CancellationToken cancellationToken
    )
    {
        var (storeIs, busIs) = (await StoreAsync(store, log, cancellationToken), await BusAsync(checks, cancellationToken));
        return storeIs == "ok" && busIs == "ok"
            ? TypedResults.Ok(new HealthView("ok", storeIs, busIs))
            : TypedResults.Json(new HealthView("unavailable", storeIs, busIs), statusCode: StatusCodes.Status503ServiceUnavailable);
    }

    private static async Task<string> StoreAsync(IStore store, ILogger log, CancellationToken cancellationToken)
    {
        try
        {
            await store.SchemaVersionAsync(cancellationToken).WaitAsync(Timeout, cancellationToken);
            return "ok";
        }
        catch (Exception down) when (down is not OperationCanceledException)
        {
            log.LogWarning("The store does not answer: {Reason}", down.Message);
            return "unavailable"; // the reason names hosts and paths: it is in the log, because this answer is public
        }
    }

    private static async Task<string> BusAsync(HealthCheckService checks, CancellationToken cancellationToken)
    {
        var report = await checks.CheckHealthAsync(check => check.Tags.Contains(BusHealth.Tag), cancellationToken);
        return report.Status == HealthStatus.Healthy ? "ok" : "unavailable";
    }
}

internal sealed record HealthView(string Status, string? Store = null, string? Bus = null);
