using AgCam.Evaluation.Metrics;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Evaluation.Tests.Metrics;

public class MetricTableTests
{
    [Property(MaxTest = 50)]
    public bool Shards_in_any_order_give_the_same_digits(int seed, byte images)
    {
        var random = new Random(seed);
        var rows = Enumerable
            .Range(0, images + 2)
            .Select(i =>
                (Image: $"val/{i}.jpg", Values: new[] { random.NextDouble(), i % 3 == 1 ? double.NaN : random.NextDouble() * 1e6 })
            )
            .ToArray();
        var whole = Some(rows);
        var shards = rows.OrderBy(_ => random.Next()).Chunk(3).Select(part => Some(part)).ToArray();
        var merged = Some([]);
        foreach (var shard in shards.Concat(shards.Take(1))) // one of them arrives twice
            merged.Merge(shard);

        return merged.Mean("iou").Equals(whole.Mean("iou"))
            && merged.Mean("energy").Equals(whole.Mean("energy"))
            && merged.Evaluated == rows.Length
            && merged.Rows.Select(r => r.Image).SequenceEqual(whole.Rows.Select(r => r.Image));
    }

    [Fact]
    public void Undefined_value_is_excluded_from_its_own_mean_only()
    {
        var table = Some([("a", [0.5, double.NaN]), ("b", [0.7, 3])]);

        Assert.Equal(0.6, table.Mean("iou").Mean, 12);
        Assert.Equal([3], table.Values("energy"));
    }

    [Fact]
    public void Skipped_images_are_counted_by_reason()
    {
        var (table, other) = (Some([("a", [1, 1])]), Some([]));
        table.Skip("b", "flat-heatmap");
        other.Skip("c", "flat-heatmap");
        other.Skip("d", "no-boxes");
        table.Merge(other);
        table.Merge(other);

        Assert.Equal([("flat-heatmap", 2), ("no-boxes", 1)], table.Skipped.Select(s => (s.Key, s.Value)));
        Assert.Equal((1, 4), (table.Evaluated, table.Images));
    }

    [Fact]
    public void Contradictions_are_refused()
    {
        var table = Some([("a", [1, 2])]);
        table.Skip("b", "no-boxes");

        Assert.Throws<ArgumentException>(() => table.Add("a", 1, 3));
        Assert.Throws<ArgumentException>(() => table.Add("b", 1, 2));
        Assert.Throws<ArgumentException>(() => table.Add("c", 1));
        Assert.Throws<ArgumentException>(() => table.Skip("a", "no-boxes"));
        Assert.Throws<ArgumentException>(() => table.Skip("b", "flat-heatmap"));
        Assert.Throws<ArgumentException>(() => table.Mean("dice"));
        Assert.Throws<ArgumentException>(() => table.Merge(new MetricTable(["iou"])));
    }

    [Fact]
    public void Methods_are_compared_on_the_images_both_have()
    {
        var first = Some([("a", [0.9, 1]), ("b", [0.8, 1]), ("only here", [0, 1])]);
        var second = Some([("b", [0.7, double.NaN]), ("a", [0.6, 2]), ("only there", [1, 1])]);

        Assert.Equal(0.2, first.MeanDifference(second, "iou").Mean, 12);
        Assert.Equal(-1, first.MeanDifference(second, "energy").Mean, 12);
    }

    private static MetricTable Some(IEnumerable<(string Image, double[] Values)> rows)
    {
        var table = new MetricTable(["iou", "energy"]);
        foreach (var (image, values) in rows)
            table.Add(image, values);
        return table;
    }
}
