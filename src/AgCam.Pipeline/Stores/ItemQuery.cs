using System.Text.Json.Serialization;
using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores;

[JsonConverter(typeof(JsonStringEnumConverter<ItemSort>))]
public enum ItemSort
{
    Number,
    Probability,
    LabelProbability,
    Time,
}

/// <summary>
/// A list of items: equality filters, one sort, a page. Only the combinations in <see cref="ItemIndex.All"/> are served.
/// Equal sort values come in the order of their numbers within a job, and in an order of the store's choice across jobs.
/// </summary>
public sealed record ItemQuery
{
    public const int MaxLimit = 1000;

    /// <summary>A job, or a request.</summary>
    public Guid? Job { get; init; }

    public ItemStatus? Status { get; init; }

    public string? Model { get; init; }

    public string? Predicted { get; init; }

    /// <summary>The label as it was given.</summary>
    public string? Label { get; init; }

    /// <summary>The name of the label's class.</summary>
    public string? LabelClass { get; init; }

    public bool? Correct { get; init; }

    public Digest? Explanation { get; init; }

    /// <summary>Null: the sort that the filters' index has.</summary>
    public ItemSort? Sort { get; init; }

    public bool Descending { get; init; }

    /// <summary>1 to 1000.</summary>
    public int Limit { get; init; } = 100;

    /// <summary><see cref="ItemPage.Next"/> of the page before, of the same question. Null for the first page.</summary>
    public string? Cursor { get; init; }

    /// <summary>The filters that are set.</summary>
    public ItemFilters Filters =>
        (Job is null ? 0 : ItemFilters.Job)
        | (Status is null ? 0 : ItemFilters.Status)
        | (Model is null ? 0 : ItemFilters.Model)
        | (Predicted is null ? 0 : ItemFilters.Predicted)
        | (Label is null ? 0 : ItemFilters.Label)
        | (LabelClass is null ? 0 : ItemFilters.LabelClass)
        | (Correct is null ? 0 : ItemFilters.Correct)
        | (Explanation is null ? 0 : ItemFilters.Explanation);
}

[Flags]
public enum ItemFilters
{
    None = 0,
    Job = 1,
    Status = 2,
    Model = 4,
    Predicted = 8,
    Label = 16,
    Correct = 32,
    Explanation = 64,
    LabelClass = 128,
}
