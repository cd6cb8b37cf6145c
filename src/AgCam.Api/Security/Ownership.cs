using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Stores;
using Microsoft.AspNetCore.Http.HttpResults;

namespace AgCam.Api.Security;

/// <summary>What a route changes that is not of the kind "look at it".</summary>
internal enum Change
{
    /// <summary>Makes something new, which is the caller's. The handler reports its id with <see cref="Ownership.Changed"/>.</summary>
    New,

    /// <summary>Changes the job, request or upload whose id is the route's <c>{id}</c>.</summary>
    One,

    /// <summary>Leaves nothing behind that anybody owns.</summary>
    Nothing,

    /// <summary>
    /// Changes any number of the caller's own, which the handler limits with <see cref="Ownership.Limit"/> and reports with
    /// <see cref="Ownership.Changed"/>.
    /// </summary>
    Own,
}

/// <summary>The change that a route declares.</summary>
internal sealed record DeclaredChange(Change Kind);

/// <summary>
/// Checks and records who changes what. What a key has made, that key may change, and so may any key with the scope admin. The owner is
/// the key's name, so a key that replaces another under its name owns the same. Runs before every route that is not a GET or HEAD: a route
/// that does not declare its change is open to nobody.
/// </summary>
internal sealed class Ownership(IStore store, ApiKeys keys, ILoggerFactory logs)
{
    /// <summary>The category of the audit trail in the log.</summary>
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
                "{Key} was refused {Method} {Route}: another key made {Id}",
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

    /// <summary>Records that the caller made, changed or deleted this: one line with the key's name, the route and the id.</summary>
    public void Changed(HttpContext http, Guid id)
    {
        http.Items[Reported] = true;
        var route = (RouteEndpoint)http.GetEndpoint()!;
        _log.LogInformation("{Key} called {Method} {Route} and changed {Id}", Caller(http), http.Request.Method, Name(route), id);
    }

    /// <returns>Whose what the caller makes now is: the key's name. Null without keys.</returns>
    public string? Owner(HttpContext http) => keys.AreConfigured ? Caller(http) : null;

    /// <returns>The only owner whose things the caller may change; null for all, which admin may.</returns>
    public static string? Limit(HttpContext http) => IsAdmin(http) ? null : Caller(http);

    /// <summary>
    /// Checks that the caller may refer to an image: an upload must be its own. One that does not exist is left to the worker.
    /// </summary>
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

    /// <summary>What does not exist may be changed: the route answers that there is nothing.</summary>
    private async Task<bool> MayChangeAsync(HttpContext http, Guid id)
    {
        if (IsAdmin(http))
            return true;
        if (await store.Chunks.FindClaimAsync(id, http.RequestAborted) is { } claim)
            return claim.Owner == Caller(http);
        return await store.Uploads.FindAsync(id, http.RequestAborted) is not { } upload || upload.Owner == Caller(http);
    }

    /// <summary>As the document has it: a group's own route ends in a slash here.</summary>
    private static string Name(RouteEndpoint route) => route.RoutePattern.RawText!.TrimEnd('/');

    private static string Caller(HttpContext http) => http.User.Identity!.Name!;

    private static bool IsAdmin(HttpContext http) => http.User.HasClaim(ApiKeyHandler.ScopeClaim, Scope.Admin);

    private static ProblemHttpResult Undeclared(HttpContext http) =>
        Problem.Of(
            StatusCodes.Status403Forbidden,
            "undeclared-change",
            $"{http.Request.Method} {http.Request.Path} does not say what it changes, so it is open to nobody.",
            "This is a defect of the program: report it."
        );

    public static ProblemHttpResult NotOwned(Guid id) =>
        Problem.Of(
            StatusCodes.Status403Forbidden,
            "not-owner",
            $"{id} was made by another key.",
            "Use the key that made it, or one with the scope admin."
        );
}

/// <summary>Another key made what the request refers to. Answered as 403.</summary>
internal sealed class NotOwnedException(Guid id) : Exception($"{id} was made by another key.")
{
    public Guid Id { get; } = id;
}

internal static class OwnershipRoutes
{
    /// <summary>Declares what the route changes; see <see cref="Ownership"/>.</summary>
    public static TBuilder Changes<TBuilder>(this TBuilder endpoint, Change change)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new DeclaredChange(change));
}
