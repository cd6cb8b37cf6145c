using AgCam.Api.Security;
using AgCam.Models;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Messages;
using Microsoft.AspNetCore.Http.HttpResults;

namespace AgCam.Api.Resources;

/// <summary>Lists and chooses models.</summary>
internal static class Models
{
    public static void MapModels(this IEndpointRouteBuilder v1)
    {
        v1.MapGet("/models", ListAsync).TakesQuery().Needs(Scope.Read).WithSummary("List the models that may be used");
        v1.MapGet("/models/{**id}", ShowAsync)
            .TakesQuery()
            .Needs(Scope.Read)
            .WithSummary("Show a model with its classes")
            .WithDescription("classNames has the name of every class, by class index; it is absent where the model has none.");
    }

    /// <summary>Returns the named model, or the only one.</summary>
    /// <exception cref="InvalidRequestException">The model is unknown, or none is named and there are several.</exception>
    public static async Task<ModelPin> ChooseAsync(this ModelCatalog models, string? name, CancellationToken cancellationToken)
    {
        if (name is null && models.Names.Count != 1)
            throw new InvalidRequestException("\"model\" is missing.", Offered(models));
        if (name is not null && models.Find(name) is null)
            throw new InvalidRequestException($"There is no model \"{name}\".", Offered(models));
        return await models.PinAsync(name ?? models.Names[0], cancellationToken);
    }

    private static async Task<Ok<IReadOnlyList<ModelView>>> ListAsync(ModelCatalog models, CancellationToken cancellationToken)
    {
        var list = new List<ModelView>();
        foreach (var name in models.Names)
            list.Add(await SummarizeAsync(models, name, cancellationToken));
        return TypedResults.Ok<IReadOnlyList<ModelView>>(list);
    }

    private static async Task<Results<Ok<ModelDetailView>, ProblemHttpResult>> ShowAsync(
        string id,
        ModelCatalog models,
        CancellationToken cancellationToken
    )
    {
        if (models.Find(id) is null)
            return Problem.NotFound($"model {id}", Offered(models));
        var model = await SummarizeAsync(models, id, cancellationToken);
        var classes = model.Problem is null ? (await models.DescribeAsync(id, cancellationToken)).Classes : null;
        return TypedResults.Ok(new ModelDetailView(id, model.Sha256, classes?.Count, classes?.Names, classes?.WordNetIds, model.Problem));
    }

    private static async Task<ModelView> SummarizeAsync(ModelCatalog models, string name, CancellationToken cancellationToken)
    {
        try
        {
            return new ModelView(name, (await models.PinAsync(name, cancellationToken)).Sha256, null);
        }
        catch (ModelException unreadable)
        {
            return new ModelView(name, null, unreadable.Message); // the others can be used all the same
        }
    }

    private static string Offered(ModelCatalog models) =>
        models.Names.Count == 0
            ? "The operator has configured none yet (Pipeline:Models)."
            : $"Use one of {string.Join(", ", models.Names)}.";
}

/// <param name="Sha256">Of the checkpoint's weights.</param>
/// <param name="Problem">Why it cannot be used, if it cannot.</param>
internal sealed record ModelView(string Id, Digest? Sha256, string? Problem);

/// <param name="Sha256">SHA-256 of the checkpoint's weights.</param>
/// <param name="Classes">Number of classes.</param>
/// <param name="ClassNames">Name of every class, by class index. Absent where the model has no names.</param>
/// <param name="WordNetIds">WordNet id of every class, by class index. Absent where the model has none.</param>
/// <param name="Problem">Why the model cannot be used, if it cannot.</param>
internal sealed record ModelDetailView(
    string Id,
    Digest? Sha256,
    int? Classes,
    IReadOnlyList<string>? ClassNames,
    IReadOnlyList<string>? WordNetIds,
    string? Problem
);
