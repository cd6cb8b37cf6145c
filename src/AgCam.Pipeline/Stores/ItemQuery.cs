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
/// Selects a page of items by equality filters and one sort. Only the combinations in <see cref="ItemIndex.All"/> are served.
/// Items with equal sort values come in order of their numbers within a job; the order across jobs is the store's choice.
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

    /// <summary>Sort; null for that of the index that serves the filters.</summary>
    public ItemSort? Sort { get; init; }

    public bool Descending { get; init; }

    /// <summary>1 to 1000.</summary>
    public int Limit { get; init; } = 100;

    /// <summary><see cref="ItemPage.Next"/> of the page before, of the same query; null for the first page.</summary>
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
