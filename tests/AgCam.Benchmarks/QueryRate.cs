using System.Diagnostics;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Benchmarks;

/// <summary>Measures how many milliseconds a list takes: its first page, and a page after an item in its middle.</summary>
/// <param name="Question">Filters, sort and direction of the list, or another query.</param>
/// <param name="Samples">Number of queries, with values from randomly drawn items of common and rare classes.</param>
internal sealed record QueryRate(
    string Store,
    string Question,
    int Samples,
    double FirstP50,
    double FirstP99,
    double DeepP50,
    double DeepP99
)
{
    /// <summary>Measures every index in both directions, and the progress of the job.</summary>
    /// <param name="job">Job that <see cref="AgCam.Testing.SyntheticJob.FillAsync"/> created.</param>
    public static async IAsyncEnumerable<QueryRate> MeasureAsync(IStore store, Guid job, int images, int samples = 300, int limit = 100)
    {
        var random = new Random(7);
        foreach (var index in ItemIndex.All)
        foreach (var descending in new[] { false, true })
        {
            var (first, deep) = (new List<double>(), new List<double>());
            for (var i = -20; i < samples; i++) // the first ones warm up
            {
                var item = await DrawAsync(store, job, images, random, index);
                var query = QueryOf(index, item) with { Descending = descending, Limit = limit };
                var (firstTook, firstPage) = await TimeAsync(() => store.Items.PageAsync(query));
                var after = query with { Cursor = ItemCursor.After(index, item).Encode(query) };
                var (deepTook, _) = await TimeAsync(() => store.Items.PageAsync(after));
                if (firstPage.Items.Count == 0)
                    throw new InvalidOperationException(
                        $"{index} found nothing, though item {item.Number} is there. The measurement is void."
                    );
                if (i < 0)
                    continue;
                first.Add(firstTook);
                deep.Add(deepTook);
            }
            yield return Of(store, $"{index}{(descending ? ", descending" : "")}", first, deep);
        }
        var progress = new List<double>();
        for (var i = 0; i < samples; i++)
            progress.Add((await TimeAsync(() => store.Jobs.FindAsync(job))).Milliseconds);
        yield return Of(store, "a job's progress", progress, progress);
    }

    private static async Task<Item> DrawAsync(IStore store, Guid job, int images, Random random, ItemIndex index)
    {
        while (true)
            if (
                await store.Items.FindAsync(job, random.Next(images)) is { } item
                && (item.Status == ItemStatus.Completed || index.Name == "item_status")
            )
                return item;
    }

    private static ItemQuery QueryOf(ItemIndex index, Item item) =>
        new()
        {
            Sort = index.Sort,
            Job = index.Filters.HasFlag(ItemFilters.Job) ? item.Job : null,
            Status = index.Filters.HasFlag(ItemFilters.Status) ? item.Status : null,
            Model = index.Filters.HasFlag(ItemFilters.Model) ? item.Model : null,
            Predicted = index.Filters.HasFlag(ItemFilters.Predicted) ? item.Predicted : null,
            Label = index.Filters.HasFlag(ItemFilters.Label) ? item.Label : null,
            LabelClass = index.Filters.HasFlag(ItemFilters.LabelClass) ? item.LabelClass : null,
            Correct = index.Filters.HasFlag(ItemFilters.Correct) ? item.Correct : null,
            Explanation = index.Filters.HasFlag(ItemFilters.Explanation) ? item.Explanation : null,
        };

    private static async Task<(double Milliseconds, T Answer)> TimeAsync<T>(Func<Task<T>> ask)
    {
        var startedAt = Stopwatch.GetTimestamp();
        var answer = await ask();
        return (Stopwatch.GetElapsedTime(startedAt).TotalMilliseconds, answer);
    }

    private static QueryRate Of(IStore store, string question, List<double> first, List<double> deep) =>
        new(
            store.Kind,
            question,
            first.Count,
            Percentile(first, 0.5),
            Percentile(first, 0.99),
            Percentile(deep, 0.5),
            Percentile(deep, 0.99)
        );

    /// <summary>Returns the smallest value that at least this share of all values does not exceed.</summary>
    public static double Percentile(IReadOnlyCollection<double> values, double share) =>
        values.Order().ElementAt((int)Math.Ceiling(share * values.Count) - 1);
}
