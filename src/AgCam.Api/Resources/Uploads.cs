using AgCam.Api.Doors;
using AgCam.Pipeline.Stores;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace AgCam.Api.Resources;

/// <summary>Images that are sent first and explained later, by their id; they are kept for a while only.</summary>
internal static class Uploads
{
    public static void MapUploads(this IEndpointRouteBuilder v1, ApiOptions options)
    {
        v1.MapPost("/uploads", Create).TakesQuery().Needs(Scope.Submit).Changes(Change.New)
            .Accepts<Stream>("image/*", "application/octet-stream")
            .WithMetadata(new RequestSizeLimitAttribute(options.MaxUploadBytes))
            .WithSummary("Send an image")
            .WithDescription(
                "The body is the image file. Refer to it in POST /v1/explanations by its id as uri, with the same key or one with the scope admin.");
        v1.MapGet("/uploads/{id:guid}", Show).TakesQuery().Needs(Scope.Read).WithSummary("Show an upload");
        v1.MapDelete("/uploads/{id:guid}", Delete).TakesQuery().Needs(Scope.Submit).Changes(Change.One).WithSummary("Delete an upload");
    }

    private static async Task<Results<Created<Upload>, ProblemHttpResult>> Create(
        HttpContext http, UploadIntake intake, Ownership ownership, ImageRate rate, CancellationToken cancel)
    {
        if (rate.Take(http.User.Identity!.Name!) is { } after)
            return Problem.Later(
                http, StatusCodes.Status429TooManyRequests, "rate-limited", "The key has sent as many images as it may for now.", after);
        var upload = await intake.KeepAsync(http.Request.Body, http.Request.ContentType, ownership.Owner(http), cancel);
        ownership.Changed(http, upload.Id);
        return TypedResults.Created($"/v1/uploads/{upload.Id}", upload);
    }

    private static async Task<Results<Ok<Upload>, ProblemHttpResult>> Show(Guid id, IStore store, CancellationToken cancel) =>
        await store.Uploads.FindAsync(id, cancel) is { } upload ? TypedResults.Ok(upload) : Gone(id);

    private static async Task<Results<NoContent, ProblemHttpResult>> Delete(Guid id, IStore store, CancellationToken cancel) =>
        await store.Uploads.DeleteAsync(id, cancel) ? TypedResults.NoContent() : Gone(id);

    private static ProblemHttpResult Gone(Guid id) => Problem.NotFound($"upload {id}", "Uploads are kept for a while only: send the image again.");
}
