using AgCam.Api.Security;
using AgCam.Pipeline.Stores;
using Microsoft.AspNetCore.Http.HttpResults;

namespace AgCam.Api.Resources;

/// <summary>Provenance records.</summary>
internal static class Provenances
{
    public static void MapProvenances(this IEndpointRouteBuilder v1) =>
        v1.MapGet("/provenances/{id}", ShowAsync).TakesQuery().Needs(Scope.Read).WithSummary("Show how explanations were computed");

    private static async Task<Results<Ok<Provenance>, StatusCodeHttpResult, ProblemHttpResult>> ShowAsync(
        Digest id,
        HttpContext http,
        IStore store,
        CancellationToken cancellationToken
    )
    {
        if (await store.Provenances.FindAsync(id, cancellationToken) is not { } provenance)
            return Problem.NotFound($"provenance {id}", "Take the id from an explanation's \"provenance\".");
        return Immutable.IsKnown(http, id, "provenance")
            ? TypedResults.StatusCode(StatusCodes.Status304NotModified)
            : TypedResults.Ok(provenance);
    }
}
