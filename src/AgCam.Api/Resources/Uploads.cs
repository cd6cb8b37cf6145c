using AgCam.Api.Security;
using AgCam.Pipeline.Stores;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace AgCam.Api.Resources;

/// <summary>Uploads: images that are sent first and explained later by their id. They expire.</summary>
internal static class Uploads
{
    public static void MapUploads(this IEndpointRouteBuilder v1, ApiOptions options)
    {
        v1.MapPost("/uploads", CreateAsync)
            .TakesQuery()
            .Needs(Scope.Submit)
            .Changes(Change.New)
            .Accepts<Stream>("image/*", "application/octet-stream")
            .WithMetadata(new RequestSizeLimitAttribute(options.MaxUploadBytes))
            .WithSummary("Send an image")
            .WithDescription(
                "The body is the image file. Refer to it in POST /v1/explanations by its id as uri, with the same key or one "
                    + "with the scope admin."
            );
        v1.MapGet("/uploads/{id:guid}", ShowAsync).TakesQuery().Needs(Scope.Read).WithSummary("Show an upload");
        v1.MapDelete("/uploads/{id:guid}", DeleteAsync)
            .TakesQuery()
            .Needs(Scope.Submit)
            .Changes(Change.One)
            .WithSummary("Delete an upload");
    }

    private static async Task<Results<Created<Upload>, ProblemHttpResult>> CreateAsync(
        HttpContext http,
        UploadIntake intake,
        Ownership ownership,
        ImageRate rate,
        CancellationToken cancellationToken
    )
    {
        if (rate.Take(http.User.Identity!.Name!) is { } after)
            return Problem.Later(
                http,
                StatusCodes.Status429TooManyRequests,
                "rate-limited",
                "The key has reached its limit of images per minute.",
                after
            );
        var upload = await intake.KeepAsync(http.Request.Body, http.Request.ContentType, ownership.Owner(http), cancellationToken);
        ownership.Changed(http, upload.Id);
        return TypedResults.Created($"/v1/uploads/{upload.Id}", upload);
    }

    private static async Task<Results<Ok<Upload>, ProblemHttpResult>> ShowAsync(
        Guid id,
        IStore store,
        CancellationToken cancellationToken
    ) => await store.Uploads.FindAsync(id, cancellationToken) is { } upload ? TypedResults.Ok(upload) : Gone(id);

    private static async Task<Results<NoContent, ProblemHttpResult>> DeleteAsync(
        Guid id,
        IStore store,
        CancellationToken cancellationToken
    ) => await store.Uploads.DeleteAsync(id, cancellationToken) ? TypedResults.NoContent() : Gone(id);

    private static ProblemHttpResult Gone(Guid id) =>
        Problem.NotFound($"upload {id}", "Uploads are kept for a limited time: send the image again.");
}
