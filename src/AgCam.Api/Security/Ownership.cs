using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Stores;
using Microsoft.AspNetCore.Http.HttpResults;

namespace AgCam.Api.Security;

/// <summary>Kind of change that a route makes.</summary>
internal enum Change
{
    /// <summary>Creates something that the caller owns. The handler reports its id with <see cref="Ownership.Changed"/>.</summary>
    New,

    /// <summary>Changes the job, request or upload whose id is the route's <c>{id}</c>.</summary>
    One,

    /// <summary>Creates and changes nothing that has an owner.</summary>
    Nothing,

    /// <summary>
    /// Changes any number of the caller's own objects. The handler limits them with <see cref="Ownership.Limit"/> and reports them with
    /// <see cref="Ownership.Changed"/>.
    /// </summary>
    Own,
}

/// <summary>Metadata: the change that a route declares.</summary>
internal sealed record DeclaredChange(Change Kind);

/// <summary>
/// Checks and logs who changes what. The key that created something may change it, and so may any key with the scope admin. The owner is
/// the key's name, so a replacement key owns the same. A changing route that declares nothing is refused.
/// </summary>
internal sealed class Ownership(IStore store, ApiKeys keys, ILoggerFactory logs)
{
    /// <summary>Log category of the audit trail.</summary>
    public const string Category = "AgCam.Audit";

    private static readonly object Reported = new();

    private readonly ILogger _log = logs.CreateLogger(Category);

    public async Task InvokeAsync(HttpContext http, RequestDelegate next)
    {
        if (
            HttpMethods.IsGet(http.Request.Method)
            || HttpMethods.IsHead(http.Request.Method)
            || http.GetEndpoint() is not RouteEndpoint route
        )
        {
            await next(http);
            return;
        }
        var declared = route.Metadata.GetMetadata<DeclaredChange>()?.Kind;
        Guid? id = Guid.TryParse(http.GetRouteValue("id") as string, out var given) ? given : null;
        if (declared is null || declared == Change.One && id is null)
        {
            await Undeclared(http).ExecuteAsync(http);
            return;
        }
        if (declared == Change.One && !await MayChangeAsync(http, id!.Value))
        {
            _log.LogWarning(
                "{Key} was refused {Method} {Route}: another key created {Id}",
                Caller(http),
                http.Request.Method,
                Name(route),
                id
            );
            await NotOwned(id.Value).ExecuteAsync(http);
            return;
        }
        await next(http);
        if (declared == Change.One && http.Response.StatusCode < 400 && !http.Items.ContainsKey(Reported))
            Changed(http, id!.Value);
    }

    /// <summary>Logs a change: one line with the key's name, the route and the id.</summary>
    public void Changed(HttpContext http, Guid id)
    {
        http.Items[Reported] = true;
        var route = (RouteEndpoint)http.GetEndpoint()!;
        _log.LogInformation("{Key} called {Method} {Route} and changed {Id}", Caller(http), http.Request.Method, Name(route), id);
    }

    /// <returns>The owner of what the caller creates: the key's name. Null without keys.</returns>
    public string? Owner(HttpContext http) => keys.AreConfigured ? Caller(http) : null;

    /// <returns>The owner whose objects the caller may change; null for admin, who may change all.</returns>
    public static string? Limit(HttpContext http) => IsAdmin(http) ? null : Caller(http);

    /// <summary>Checks that an upload that the caller refers to is its own. An unknown upload is left to the worker.</summary>
    /// <exception cref="NotOwnedException">Another key sent the upload.</exception>
    public async Task CheckUseAsync(HttpContext http, ImageReference reference, CancellationToken cancellationToken)
    {
        if (reference.Kind != ReferenceKind.Upload || IsAdmin(http) || !Guid.TryParse(reference.Uri, out var id))
            return;
        if (await store.Uploads.FindAsync(id, cancellationToken) is { } upload && upload.Owner != Caller(http))
        {
            _log.LogWarning("{Key} was refused the use of an upload: another key sent {Id}", Caller(http), id);
            throw new NotOwnedException(id);
        }
    }

    /// <summary>Allows the change of an unknown id: the route answers 404.</summary>
    private async Task<bool> MayChangeAsync(HttpContext http, Guid id)
    {
        if (IsAdmin(http))
            return true;
        if (await store.Chunks.FindClaimAsync(id, http.RequestAborted) is { } claim)
            return claim.Owner == Caller(http);
        return await store.Uploads.FindAsync(id, http.RequestAborted) is not { } upload || upload.Owner == Caller(http);
    }

    /// <summary>Returns the route as the OpenAPI document has it: without the trailing slash of a group's own route.</summary>
    private static string Name(RouteEndpoint route) => route.RoutePattern.RawText!.TrimEnd('/');

    private static string Caller(HttpContext http) => http.User.Identity!.Name!;

    private static bool IsAdmin(HttpContext http) => http.User.HasClaim(ApiKeyHandler.ScopeClaim, Scope.Admin);

    private static ProblemHttpResult Undeclared(HttpContext http) =>
        Problem.Of(
            StatusCodes.Status403Forbidden,
            "undeclared-change",
            $"{http.Request.Method} {http.Request.Path} does not declare what it changes, so it is denied.",
            "This is a defect of the program: report it."
        );

    public static ProblemHttpResult NotOwned(Guid id) =>
        Problem.Of(
            StatusCodes.Status403Forbidden,
            "not-owner",
            $"{id} was created by another key.",
            "Use the key that created it, or one with the scope admin."
        );
}

/// <summary>Another key created the object. Answered as 403.</summary>
internal sealed class NotOwnedException(Guid id) : Exception($"{id} was created by another key.")
{
    public Guid Id { get; } = id;
}

internal static class OwnershipRoutes
{
    /// <summary>Declares what the route changes; see <see cref="Ownership"/>.</summary>
    public static TBuilder Changes<TBuilder>(this TBuilder endpoint, Change change)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new DeclaredChange(change));
}
