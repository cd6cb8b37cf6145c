using System.Globalization;
using AgCam.Api.Rendering;
using AgCam.Api.Security;
using AgCam.Api.Views;
using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Microsoft.AspNetCore.Http.HttpResults;
using Picture = Microsoft.AspNetCore.Http.HttpResults.Results<
    Microsoft.AspNetCore.Http.HttpResults.FileContentHttpResult,
    Microsoft.AspNetCore.Http.HttpResults.StatusCodeHttpResult,
    Microsoft.AspNetCore.Http.HttpResults.ProblemHttpResult
>;

namespace AgCam.Api.Resources;

/// <summary>Explanations by id, as JSON, pictures and arrays. They never change.</summary>
internal static class Explanations
{
    private const string Cached = " It never changes: it has an ETag and may be cached for ever.";

    public static void MapExplanations(this IEndpointRouteBuilder v1)
    {
        var item = v1.MapGroup("/explanations/{id}");
        item.MapGet("", ShowAsync)
            .TakesQuery()
            .Needs(Scope.Read)
            .WithSummary("Show an explanation")
            .WithDescription("Predictions, highest logits, and the raw map of every target." + Cached);
        item.MapGet("/overlay.png", DrawOverlayAsync)
            .RequireRateLimiting(KeyConcurrency.Drawings)
            .TakesQuery(PictureQuery.OverlayNames)
            .Needs(Scope.Read)
            .WithSummary("Draw the heatmap over the original")
            .WithDescription(
                $"Colormaps: {string.Join(", ", Colormap.All)}. 409 when the original has changed, 410 when it was deleted: "
                    + $"the heatmap remains available."
                    + Cached
            );
        item.MapGet("/heatmap.png", DrawHeatmapAsync)
            .RequireRateLimiting(KeyConcurrency.Drawings)
            .TakesQuery(PictureQuery.HeatmapNames)
            .Needs(Scope.Read)
            .WithSummary("Draw the heatmap without the original")
            .WithDescription("The map in colours. Needs no original." + Cached);
        item.MapGet("/heatmap", ArrayAsync)
            .TakesQuery("target")
            .Needs(Scope.Read)
            .WithSummary("Download the raw map for NumPy")
            .WithDescription("float16 on the model's grid, as an .npy file." + Cached);
        item.MapGet("/embedding", EmbeddingAsync)
            .TakesQuery()
            .Needs(Scope.Read)
            .WithSummary("Download the embedding for NumPy")
            .WithDescription(
                "The vector that the model's head reads, float16, as an .npy file: the class token after the final norm, or the mean of "
                    + "the patches where the head averages them. 404 if the request left it out."
                    + Cached
            );
    }

    private static async Task<Results<Ok<ExplanationView>, StatusCodeHttpResult, ProblemHttpResult>> ShowAsync(
        Digest id,
        HttpContext http,
        IStore store,
        CancellationToken cancellationToken
    )
    {
        if (await store.Explanations.FindAsync(id, cancellationToken) is not { } explanation)
            return Missing(id);
        return Immutable.IsKnown(http, id, "json") ? NotModified : TypedResults.Ok(ExplanationView.Of(explanation));
    }

    private static Task<Picture> DrawOverlayAsync(
        Digest id,
        HttpContext http,
        RenderingServices rendering,
        CancellationToken cancellationToken
    ) =>
        DrawAsync(
            id,
            http,
            rendering,
            "overlay",
            boxes: true,
            async (drawing, query) =>
            {
                var photo = await rendering.Originals.ReadAsync(drawing.Explanation, cancellationToken);
                return drawing.Overlay(photo, query);
            },
            cancellationToken
        );

    private static Task<Picture> DrawHeatmapAsync(
        Digest id,
        HttpContext http,
        RenderingServices rendering,
        CancellationToken cancellationToken
    ) =>
        DrawAsync(
            id,
            http,
            rendering,
            "heatmap",
            boxes: false,
            (drawing, query) => Task.FromResult(drawing.Heat(query)),
            cancellationToken
        );

    private static async Task<Picture> DrawAsync(
        Digest id,
        HttpContext http,
        RenderingServices rendering,
        string form,
        bool boxes,
        Func<HeatmapRenderer, PictureQuery, Task<RgbImage>> draw,
        CancellationToken cancellationToken
    )
    {
        var query = PictureQuery.Read(http.Request.Query, rendering.Options.MaxPictureSide, boxes);
        if (await rendering.Store.Explanations.FindAsync(id, cancellationToken) is not { } explanation)
            return Missing(id);
        if (IndexOf(explanation, query.Target) is not { } index)
            return NoTarget(explanation, query.Target);
        if (Immutable.IsKnown(http, id, $"{form}-{query}-{index}"))
            return NotModified;
        try
        {
            var drawing = new HeatmapRenderer(
                explanation,
                explanation.Maps[index],
                await rendering.PreprocessingAsync(explanation, cancellationToken)
            );
            using var turn = await rendering.EnterAsync(cancellationToken);
            return TypedResults.File(PngEncoder.Encode(await draw(drawing, query)), "image/png");
        }
        catch (OriginalException original)
        {
            Immutable.Forget(http);
            return Problem.Of(
                original.IsGone ? StatusCodes.Status410Gone : StatusCodes.Status409Conflict,
                original.IsGone ? "original-gone" : "original-changed",
                original.Message,
                $"The heatmap without the original is at /v1/explanations/{id}/heatmap.png."
            );
        }
    }

    private static async Task<Picture> ArrayAsync(
        Digest id,
        HttpContext http,
        RenderingServices rendering,
        CancellationToken cancellationToken
    )
    {
        var target = http.Request.Query.Text("target");
        if (await rendering.Store.Explanations.FindAsync(id, cancellationToken) is not { } explanation)
            return Missing(id);
        if (IndexOf(explanation, target) is not { } index)
            return NoTarget(explanation, target);
        if (Immutable.IsKnown(http, id, $"npy-{index}"))
            return NotModified;
        var map = explanation.Maps[index];
        return TypedResults.File(
            Npy.Write("<f2", [map.Rows, map.Columns], map.Map),
            "application/x-npy",
            $"{id.ToString()[..16]}-{index}.npy"
        );
    }

    private static async Task<Picture> EmbeddingAsync(Digest id, HttpContext http, IStore store, CancellationToken cancellationToken)
    {
        if (await store.Explanations.FindAsync(id, cancellationToken) is not { } explanation)
            return Missing(id);
        if (explanation.Embedding is not { } embedding)
            return Problem.NotFound(
                $"embedding of explanation {id}",
                "Its request left the embedding out. Explain the image again without \"embedding\": false; that is another explanation."
            );
        return Immutable.IsKnown(http, id, "embedding")
            ? NotModified
            : TypedResults.File(
                Npy.Write("<f2", [embedding.Length / 2], embedding),
                "application/x-npy",
                $"{id.ToString()[..16]}-embedding.npy"
            );
    }

    private static StatusCodeHttpResult NotModified => TypedResults.StatusCode(StatusCodes.Status304NotModified);

    private static ProblemHttpResult Missing(Digest id) =>
        Problem.NotFound($"explanation {id}", "Take the id from an item's \"explanation\"; one without items is deleted by retention.");

    /// <summary>Finds a map by its index or by a target that asked for it.</summary>
    private static int? IndexOf(StoredExplanation explanation, string? target)
    {
        if (!int.TryParse(target ?? "0", NumberStyles.None, CultureInfo.InvariantCulture, out var index))
            index = explanation.Maps.ToList().FindIndex(map => map.Is(target!));
        return index >= 0 && index < explanation.Maps.Count ? index : null;
    }

    private static ProblemHttpResult NoTarget(StoredExplanation explanation, string? target)
    {
        var maps = explanation.Maps.Index().Select(map => $"{map.Index}: {string.Join(", ", map.Item.Targets)} ({map.Item.Name})");
        return Problem.NotFound(
            $"target {target} of explanation {explanation.Id}",
            $"Give the number or a target of one of its {explanation.Maps.Count} maps: {string.Join("; ", maps)}."
        );
    }
}
