using AgCam.Api.Doors;
using AgCam.Api.Rendering;
using AgCam.Api.Views;
using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Microsoft.AspNetCore.Http.HttpResults;
using Picture = Microsoft.AspNetCore.Http.HttpResults.Results<
    Microsoft.AspNetCore.Http.HttpResults.FileContentHttpResult, Microsoft.AspNetCore.Http.HttpResults.StatusCodeHttpResult, Microsoft.AspNetCore.Http.HttpResults.ProblemHttpResult>;

namespace AgCam.Api.Resources;

/// <summary>What was computed, by content: as numbers, as pictures, as an array. None of it ever changes.</summary>
internal static class Explanations
{
    private const string Cached = " It never changes: it has an ETag and may be kept for ever.";

    public static void MapExplanations(this IEndpointRouteBuilder v1)
    {
        var one = v1.MapGroup("/explanations/{id}");
        one.MapGet("", Show).TakesQuery().Needs(Scope.Read).WithSummary("Show an explanation").WithDescription("Predictions, highest logits, and the raw map of every target." + Cached);
        one.MapGet("/overlay.png", DrawOverlay).RequireRateLimiting(KeyConcurrency.Drawings).TakesQuery(PictureQuery.OverlayNames)
            .Needs(Scope.Read).WithSummary("Draw the heatmap over the original")
            .WithDescription($"Colormaps: {string.Join(", ", Colormap.All)}. 409 when the original has changed since, 410 when it is gone: the heatmap can still be had." + Cached);
        one.MapGet("/heatmap.png", DrawHeatmap).RequireRateLimiting(KeyConcurrency.Drawings).TakesQuery(PictureQuery.HeatmapNames)
            .Needs(Scope.Read).WithSummary("Draw the heatmap alone")
            .WithDescription("What the model saw, in colours; needs no original." + Cached);
        one.MapGet("/heatmap", Array).TakesQuery("target").Needs(Scope.Read).WithSummary("The raw map for NumPy").WithDescription("float16 on the model's own grid, as an .npy file." + Cached);
    }

    private static async Task<Results<Ok<ExplanationView>, StatusCodeHttpResult, ProblemHttpResult>> Show(Digest id, HttpContext http, IStore store, CancellationToken cancel)
    {
        if (await store.Explanations.FindAsync(id, cancel) is not { } explanation)
            return Missing(id);
        return Immutable.IsKnown(http, id, "json") ? NotModified : TypedResults.Ok(ExplanationView.Of(explanation));
    }

    private static Task<Picture> DrawOverlay(Digest id, HttpContext http, Studio studio, CancellationToken cancel) =>
        DrawAsync(id, http, studio, "overlay", boxes: true, async (drawing, query) =>
        {
            var photo = await studio.Originals.ReadAsync(drawing.Explanation, cancel);
            return drawing.Overlay(photo, query);
        }, cancel);

    private static Task<Picture> DrawHeatmap(Digest id, HttpContext http, Studio studio, CancellationToken cancel) =>
        DrawAsync(id, http, studio, "heatmap", boxes: false, (drawing, query) => Task.FromResult(drawing.Heat(query)), cancel);

    private static async Task<Picture> DrawAsync(
        Digest id, HttpContext http, Studio studio, string form, bool boxes, Func<Drawing, PictureQuery, Task<RgbImage>> draw, CancellationToken cancel)
    {
        var query = PictureQuery.Read(http.Request.Query, studio.Options.MaxPictureSide, boxes);
        if (await studio.Store.Explanations.FindAsync(id, cancel) is not { } explanation)
            return Missing(id);
        if (query.Target >= explanation.Maps.Count)
            return NoTarget(explanation, query.Target);
        if (Immutable.IsKnown(http, id, $"{form}-{query}"))
            return NotModified;
        try
        {
            var drawing = new Drawing(explanation, explanation.Maps[query.Target], await studio.PreprocessingAsync(explanation, cancel));
            using var turn = await studio.TakeTurnAsync(cancel);
            return TypedResults.File(PngEncoder.Encode(await draw(drawing, query)), "image/png");
        }
        catch (OriginalException original)
        {
            Immutable.Forget(http);
            return Problem.Of(
                original.IsGone ? StatusCodes.Status410Gone : StatusCodes.Status409Conflict, original.IsGone ? "original-gone" : "original-changed", original.Message,
                $"The heatmap alone is at /v1/explanations/{id}/heatmap.png.");
        }
    }

    private static async Task<Picture> Array(Digest id, HttpContext http, Studio studio, CancellationToken cancel)
    {
        var target = http.Request.Query.Whole("target", 0, 1000) ?? 0;
        if (await studio.Store.Explanations.FindAsync(id, cancel) is not { } explanation)
            return Missing(id);
        if (target >= explanation.Maps.Count)
            return NoTarget(explanation, target);
        if (Immutable.IsKnown(http, id, $"npy-{target}"))
            return NotModified;
        var map = explanation.Maps[target];
        return TypedResults.File(Npy.Write("<f2", map.Rows, map.Columns, map.Map), "application/x-npy", $"{id.ToString()[..16]}-{target}.npy");
    }

    private static StatusCodeHttpResult NotModified => TypedResults.StatusCode(StatusCodes.Status304NotModified);

    private static ProblemHttpResult Missing(Digest id) => Problem.NotFound($"explanation {id}", "Take the id from an item's \"explanation\"; one that nothing refers to is deleted in time.");

    private static ProblemHttpResult NoTarget(StoredExplanation explanation, int target) => Problem.NotFound(
        $"target {target} of explanation {explanation.Id}", $"It has {explanation.Maps.Count}, from 0: {string.Join(", ", explanation.Maps.Select(map => $"{map.Target} ({map.Name})"))}.");
}
