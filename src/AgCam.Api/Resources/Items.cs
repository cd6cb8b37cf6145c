using AgCam.Api.Security;
using AgCam.Api.Views;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Microsoft.AspNetCore.Http.HttpResults;

namespace AgCam.Api.Resources;

/// <summary>Lists items by the indexed filters and sorts, a page at a time.</summary>
internal static class Items
{
    private static readonly string[] Filters = ["job", "status", "model", "predicted", "label", "labelClass", "correct", "explanation"];
    private static readonly string[] Paging = ["sort", "limit", "cursor"];

    /// <summary>Query parameters of a job's list: its job is in the path.</summary>
    public static readonly string[] OfJobNames = [.. Filters.Where(name => name != "job"), .. Paging];

    public static void MapItems(this IEndpointRouteBuilder v1)
    {
        v1.MapGet("/items", ListAsync)
            .TakesQuery([.. Filters, .. Paging])
            .Needs(Scope.Read)
            .WithSummary("List items")
            .WithDescription(
                "Only combinations of filters and sort with an index: "
                    + string.Join("; ", ItemIndex.All.Select(index => $"{index} ({index.Why})"))
                    + ". sort=-probability is the same, descending. A deep page costs as much as the first: follow next."
            );
        v1.MapGet("/items/{job:guid}/{number:int}", ShowAsync).TakesQuery().Needs(Scope.Read).WithSummary("Show an item");
    }

    /// <exception cref="InvalidRequestException">A value cannot be read.</exception>
    public static ItemQuery Read(IQueryCollection query)
    {
        var sort = query.Text("sort");
        var descending = sort?.StartsWith('-') ?? false;
        return new ItemQuery
        {
            Job = query.Id("job"),
            Status = query.OneOf<ItemStatus>("status"),
            Model = query.Text("model"),
            Predicted = query.Text("predicted"),
            Label = query.Text("label"),
            LabelClass = query.Text("labelClass"),
            Correct = query.Flag("correct"),
            Explanation = query.Sha256("explanation"),
            Sort = sort is null ? null : ReadSort(descending ? sort[1..] : sort),
            Descending = descending,
            Limit = query.Whole("limit", 1, ItemQuery.MaxLimit) ?? 100,
            Cursor = query.Text("cursor"),
        };
    }

    public static async Task<Ok<PageView<ItemView>>> PageAsync(
        ItemQuery query,
        HttpContext http,
        IStore store,
        CancellationToken cancellationToken
    )
    {
        var page = await store.Items.PageAsync(query, cancellationToken);
        Links.Next(http, page.Next);
        return TypedResults.Ok(new PageView<ItemView>([.. page.Items.Select(ItemView.Of)], page.Next));
    }

    private static Task<Ok<PageView<ItemView>>> ListAsync(HttpContext http, IStore store, CancellationToken cancellationToken) =>
        PageAsync(Read(http.Request.Query), http, store, cancellationToken);

    private static async Task<Results<Ok<ItemView>, ProblemHttpResult>> ShowAsync(
        Guid job,
        int number,
        IStore store,
        CancellationToken cancellationToken
    ) =>
        await store.Items.FindAsync(job, number, cancellationToken) is { } item
            ? TypedResults.Ok(ItemView.Of(item))
            : Problem.NotFound($"item {number} of {job}", "It may not be computed yet: look at the job, or at /v1/requests/{id}.");

    private static ItemSort ReadSort(string text) =>
        Enum.GetValues<ItemSort>()
            .Where(sort => sort.ToString().Equals(text, StringComparison.OrdinalIgnoreCase))
            .Select(sort => (ItemSort?)sort)
            .FirstOrDefault()
        ?? throw new InvalidRequestException(
            $"sort={text} is not one of {string.Join(", ", Enum.GetValues<ItemSort>().Select(ItemIndex.Text))}.",
            "Use one of them, with a leading - for descending, or leave it out."
        );
}
