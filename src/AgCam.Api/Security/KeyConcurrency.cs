using System.Threading.RateLimiting;
using Microsoft.AspNetCore.RateLimiting;

namespace AgCam.Api.Security;

/// <summary>Limits the open requests of one kind per key. Excess requests are refused before any work.</summary>
/// <param name="counts">Selects the requests that count; the others pass.</param>
internal sealed class KeyConcurrency(string what, int limit, TimeSpan later, Func<HttpContext, bool>? counts = null)
    : IRateLimiterPolicy<string>
{
    /// <summary>Policy of requests that stay open: event streams and waits for a result.</summary>
    public const string Held = "held";

    /// <summary>Policy of pictures that are drawn or queued.</summary>
    public const string Drawings = "drawings";

    public const string Exports = "exports";

    public const string DryRuns = "dry-runs";

    public static void Add(IServiceCollection services, ApiOptions options) =>
        services.AddRateLimiter(limiter =>
        {
            limiter.AddPolicy(
                Held,
                new KeyConcurrency(
                    "requests that wait or follow a job",
                    options.MaxHeldPerKey,
                    TimeSpan.FromSeconds(5),
                    http => http.Request.Query.ContainsKey("wait") || http.Request.Path.Value!.EndsWith("/events", StringComparison.Ordinal)
                )
            );
            limiter.AddPolicy(Drawings, new KeyConcurrency("pictures being drawn", options.MaxDrawingsPerKey, TimeSpan.FromSeconds(1)));
            limiter.AddPolicy(Exports, new KeyConcurrency("exports in progress", options.MaxExportsPerKey, TimeSpan.FromSeconds(5)));
            limiter.AddPolicy(DryRuns, new KeyConcurrency("dry run in progress", 1, TimeSpan.FromSeconds(5)));
        });

    public Func<OnRejectedContext, CancellationToken, ValueTask> OnRejected =>
        (context, _) =>
            new ValueTask(
                Problem
                    .Later(context.HttpContext, StatusCodes.Status429TooManyRequests, "busy", $"The key already has {limit} {what}.", later)
                    .ExecuteAsync(context.HttpContext)
            );

    public RateLimitPartition<string> GetPartition(HttpContext httpContext) =>
        counts?.Invoke(httpContext) == false
            ? RateLimitPartition.GetNoLimiter("")
            : RateLimitPartition.GetConcurrencyLimiter(
                httpContext.User.Identity?.Name ?? "",
                _ => new ConcurrencyLimiterOptions { PermitLimit = limit, QueueLimit = 0 }
            );
}
