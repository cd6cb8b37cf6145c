using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

public abstract partial class StoreContract
{
    /// <summary>Returns items of which every seventh fails and every fourth has no label. Few probabilities give many ties.</summary>
    private Item Mixed(Guid job, int number) =>
        number % 7 == 6
            ? Some.Failure(job, number, Now + TimeSpan.FromSeconds(number / 4))
            : Some.Item(
                job,
                number,
                Now + TimeSpan.FromSeconds(number / 4),
                null,
                probability: (number * 37 % 11 + 1) / 16f,
                label: number % 4 == 3 ? null
                    : number % 5 == 0 ? "dog"
                    : number % 9 == 0 ? "no such class"
                    : "cat",
                labelProbability: number % 9 == 0 ? null : (number * 23 % 7 + 1) / 16f
            );

    [Fact]
    public async Task Every_list_equals_filtering_and_sorting_in_memory()
    {
        var other = await JobOfAsync(40, Mixed);
        var job = await JobOfAsync(130, Mixed);
        var all = new List<Item>();
        foreach (var id in new[] { other.Id, job.Id })
            all.AddRange(await Store.Items.AllAsync(new ItemQuery { Job = id, Limit = 1000 }, Cancel).ToListAsync(Cancel));
        Assert.Equal(170, all.Count);
        Assert.Equal(Enumerable.Range(0, 130), all.Where(item => item.Job == job.Id).Select(item => item.Number));

        var cases = new (ItemQuery Query, Func<Item, bool> Filter, Func<Item, double> Sort)[]
        {
            (new() { Job = job.Id }, item => item.Job == job.Id, item => 0),
            (new() { Job = job.Id, Status = ItemStatus.Failed }, item => item.Job == job.Id && item.Status == ItemStatus.Failed, item => 0),
            (
                new() { Job = job.Id, Status = ItemStatus.Completed },
                item => item.Job == job.Id && item.Status == ItemStatus.Completed,
                item => 0
            ),
            (
                new() { Job = job.Id, Sort = ItemSort.Probability },
                item => item.Job == job.Id && item.Probability is not null,
                item => item.Probability!.Value
            ),
            (
                new() { Job = job.Id, Predicted = "cat" },
                item => item.Job == job.Id && item.Predicted == "cat",
                item => item.Probability!.Value
            ),
            (
                new() { Job = job.Id, Predicted = "tench, Tinca tinca" },
                item => item.Job == job.Id && item.Predicted == "tench, Tinca tinca",
                item => item.Probability!.Value
            ),
            (new() { Job = job.Id, Correct = false }, item => item.Job == job.Id && item.Correct == false, item => item.Probability!.Value),
            (new() { Job = job.Id, Correct = true }, item => item.Job == job.Id && item.Correct == true, item => item.Probability!.Value),
            (
                new()
                {
                    Job = job.Id,
                    Label = "dog",
                    Predicted = "cat",
                },
                item => item.Job == job.Id && item.Label == "dog" && item.Predicted == "cat",
                item => item.Probability!.Value
            ),
            (new() { Job = job.Id, Label = "no such class" }, item => item.Job == job.Id && item.Label == "no such class", item => 0),
            (
                new() { Job = job.Id, LabelClass = "cat" },
                item => item.Job == job.Id && item.LabelClass == "cat",
                item => item.LabelProbability!.Value
            ),
            (
                new() { Job = job.Id, Sort = ItemSort.LabelProbability },
                item => item.Job == job.Id && item.LabelProbability is not null,
                item => item.LabelProbability!.Value
            ),
            (
                new()
                {
                    Job = job.Id,
                    Correct = false,
                    Sort = ItemSort.LabelProbability,
                },
                item => item.Job == job.Id && item.Correct == false,
                item => item.LabelProbability!.Value
            ),
            (new() { Model = Some.Model.Id, Predicted = "dog" }, item => item.Predicted == "dog", item => item.Probability!.Value),
            (new() { Explanation = Some.Explanation(3).Id }, item => item.Explanation == Some.Explanation(3).Id, item => 0),
            (new(), item => true, item => item.Time.ToUnixTimeMilliseconds()),
            (new() { Job = Guid.NewGuid() }, item => false, item => 0),
            (new() { Model = "another", Predicted = "dog" }, item => false, item => 0),
        };
        foreach (var (query, filter, sort) in cases)
        foreach (var descending in new[] { false, true })
        foreach (var limit in new[] { 7, 1000 })
        {
            var listed = await Store.Items.AllAsync(query with { Descending = descending, Limit = limit }, Cancel).ToListAsync(Cancel);
            var expected = all.Where(filter).ToList();
            Assert.True(
                expected.Count == listed.Count,
                $"{query}, descending {descending}, limit {limit}: {listed.Count} items instead of {expected.Count}"
            );
            Assert.Equal(expected.Select(Key).Order(), listed.Select(Key).Order());
            var sorted = listed.Zip(listed.Skip(1), (item, next) => descending ? (next, item) : (item, next));
            Assert.All(
                sorted,
                pair =>
                    Assert.True(
                        sort(pair.Item1) < sort(pair.Item2)
                            || sort(pair.Item1) == sort(pair.Item2)
                                && (pair.Item1.Job != pair.Item2.Job || pair.Item1.Number < pair.Item2.Number),
                        $"{query}: {pair.Item1.Number} before {pair.Item2.Number}"
                    )
            );
        }

        static (Guid, int) Key(Item item) => (item.Job, item.Number);
    }

    [Fact]
    public async Task A_page_has_a_cursor_only_if_another_page_follows()
    {
        var job = (await JobOfAsync(10, Mixed)).Id;

        var first = await Store.Items.PageAsync(new ItemQuery { Job = job, Limit = 5 }, Cancel);
        var second = await Store.Items.PageAsync(
            new ItemQuery
            {
                Job = job,
                Limit = 5,
                Cursor = first.Next,
            },
            Cancel
        );

        Assert.Equal(Enumerable.Range(0, 5), first.Items.Select(item => item.Number));
        Assert.Equal(Enumerable.Range(5, 5), second.Items.Select(item => item.Number));
        Assert.NotNull(first.Next);
        Assert.Null(second.Next);
    }

    [Fact]
    public async Task A_query_that_no_index_serves_is_refused_with_the_supported_queries()
    {
        var job = Guid.NewGuid();
        foreach (
            var query in new ItemQuery[]
            {
                new() { Label = "dog" },
                new() { Job = job, Sort = ItemSort.Time },
                new()
                {
                    Job = job,
                    Status = ItemStatus.Failed,
                    Sort = ItemSort.Probability,
                },
                new()
                {
                    Job = job,
                    Correct = true,
                    Predicted = "cat",
                },
                new() { Model = "m" },
                new() { Sort = ItemSort.Probability },
            }
        )
        {
            var refused = await Assert.ThrowsAsync<StoreQueryException>(() => Store.Items.PageAsync(query, Cancel));
            Assert.Contains("job + status sorted by number", refused.Message);
        }
        await Assert.ThrowsAsync<StoreQueryException>(() => Store.Items.PageAsync(new ItemQuery { Job = job, Limit = 1001 }, Cancel));
    }

    [Fact]
    public async Task A_cursor_of_another_list_is_refused()
    {
        var job = (await JobOfAsync(10, Mixed)).Id;
        var query = new ItemQuery
        {
            Job = job,
            Predicted = "cat",
            Limit = 1,
        };
        var next = (await Store.Items.PageAsync(query, Cancel)).Next;

        foreach (
            var wrong in new[]
            {
                query with
                {
                    Predicted = "dog",
                    Cursor = next,
                },
                query with
                {
                    Descending = true,
                    Cursor = next,
                },
                query with
                {
                    Cursor = "",
                },
                query with
                {
                    Cursor = "å",
                },
                query with
                {
                    Cursor = next![..^1],
                },
                new ItemQuery { Cursor = next },
            }
        )
            await Assert.ThrowsAsync<CursorException>(() => Store.Items.PageAsync(wrong, Cancel));
        await Store.Items.PageAsync(query with { Cursor = next, Limit = 1000 }, Cancel);
    }

    [Fact]
    public async Task Progress_equals_the_counts_of_the_items()
    {
        var job = await JobOfAsync(130, Mixed);

        Assert.Equal(3, job.Progress.ChunksDone);
        Assert.Equal(18, job.Progress.Failed);
        Assert.Equal(job.Progress, await Store.Items.RecountAsync(job.Id, Cancel));
    }
}
