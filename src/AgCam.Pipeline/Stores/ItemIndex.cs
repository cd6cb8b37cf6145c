using System.Text.Json;

namespace AgCam.Pipeline.Stores;

/// <summary>
/// Describes an index on items and the one query that it serves, in both directions. Both stores build exactly these indexes.
/// </summary>
/// <param name="Name">Name of the index in both stores.</param>
/// <param name="Filters">Fields that are compared for equality.</param>
/// <param name="Sort">Field that the index sorts by after the filters; (job, number) breaks ties.</param>
/// <param name="Why">Purpose. Every index costs each insert, so an index without a purpose is removed.</param>
public sealed record ItemIndex(string Name, ItemFilters Filters, ItemSort Sort, string Why)
{
    /// <summary>The primary key, which needs no other index.</summary>
    public static readonly ItemIndex Primary = new(
        "primary",
        ItemFilters.Job,
        ItemSort.Number,
        "a job's items in order: export, recount, the job's page"
    );

    public static readonly IReadOnlyList<ItemIndex> All =
    [
        Primary,
        new("item_status", ItemFilters.Job | ItemFilters.Status, ItemSort.Number, "a job's failures, for the report and for the retry"),
        new("item_probability", ItemFilters.Job, ItemSort.Probability, "the least and the most certain images of a job"),
        new("item_predicted", ItemFilters.Job | ItemFilters.Predicted, ItemSort.Probability, "a class's images, by certainty"),
        new("item_correct", ItemFilters.Job | ItemFilters.Correct, ItemSort.Probability, "confident mistakes: label errors come first"),
        new(
            "item_confusion",
            ItemFilters.Job | ItemFilters.Label | ItemFilters.Predicted,
            ItemSort.Probability,
            "one cell of the confusion matrix"
        ),
        new(
            "item_label_probability",
            ItemFilters.Job,
            ItemSort.LabelProbability,
            "the images whose label the model finds least likely: label errors come first"
        ),
        new("item_label", ItemFilters.Job | ItemFilters.Label, ItemSort.Number, "the images of a label as it was given, known or not"),
        new(
            "item_label_class",
            ItemFilters.Job | ItemFilters.LabelClass,
            ItemSort.LabelProbability,
            "the images that are labelled as a class, by how likely the model finds it"
        ),
        new(
            "item_label_correct",
            ItemFilters.Job | ItemFilters.Correct,
            ItemSort.LabelProbability,
            "near and far mistakes; answers that are just right"
        ),
        new("item_model", ItemFilters.Model | ItemFilters.Predicted, ItemSort.Probability, "a class across all jobs of a model"),
        new("item_explanation", ItemFilters.Explanation, ItemSort.Number, "where else a picture occurs; what retention may delete"),
        new("item_time", ItemFilters.None, ItemSort.Time, "what came in last, whatever the job"),
    ];

    /// <summary>Returns the index that serves the query.</summary>
    /// <exception cref="StoreQueryException">There is none. The message lists the supported queries.</exception>
    public static ItemIndex For(ItemQuery query)
    {
        if (query.Limit is < 1 or > ItemQuery.MaxLimit)
            throw new StoreQueryException($"A page has 1 to {ItemQuery.MaxLimit} items, not {query.Limit}.");
        var filters = query.Filters;
        foreach (var index in All)
            if (index.Filters == filters && (query.Sort is null || query.Sort == index.Sort))
                return index;
        var requested = filters == ItemFilters.None ? "no filter" : Text(filters);
        throw new StoreQueryException(
            $"No index serves {requested}{(query.Sort is { } sort ? $" sorted by {Text(sort)}" : "")}. Use one of: "
                + $"{string.Join("; ", All.Select(index => index.ToString()))}."
        );
    }

    public override string ToString() => $"{(Filters == ItemFilters.None ? "no filter" : Text(Filters))} sorted by {Text(Sort)}";

    /// <summary>Whether the sort leaves out items without its value: failed ones, and unlabelled ones by the label's probability.</summary>
    internal bool ByProbability => Sort is ItemSort.Probability or ItemSort.LabelProbability;

    private static string Text(ItemFilters filters) =>
        string.Join(
            " + ",
            Enum.GetValues<ItemFilters>()
                .Where(filter => filter != ItemFilters.None && filters.HasFlag(filter))
                .Select(filter => JsonNamingPolicy.CamelCase.ConvertName(filter.ToString()))
        );

    public static string Text(ItemSort sort) => JsonNamingPolicy.CamelCase.ConvertName(sort.ToString());
}
