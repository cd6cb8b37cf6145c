using AgCam.Evaluation.Metrics;
using AgCam.Heatmaps;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Evaluation.Tests.Metrics;

public class BoxAccuracyTests
{
    private static readonly double[] Thresholds = [0, 0.25, 0.5, 0.75];

    [Fact]
    public void Best_threshold_is_chosen_over_all_images_for_each_delta()
    {
        var accuracy = new BoxAccuracy(Thresholds);
        accuracy.Add("a", new([0.2, 0.4, 0.6, 0.8], [0.2, 0.4, 0.6, 0.1]), top1: true, top5: true);
        accuracy.Add("b", new([0.9, 0.5, 0.3, 0.0], [0.9, 0.2, 0.3, 0.0]), top1: false, top5: true);
        accuracy.Add("c", new([0.0, 0.3, 0.7, 0.1], [0.0, 0.1, 0.7, 0.1]), top1: false, top5: false);

        Assert.Equal(2 / 3.0, accuracy.MaxBoxAcc().Mean, 12);
        Assert.Equal(0.5, accuracy.MaxBoxAccThreshold);
        // IoU 0.3: all three at 0.25; 0.5: two at 0.5; 0.7: one wherever
        Assert.Equal((1 + 2 / 3.0 + 1 / 3.0) / 3, accuracy.MaxBoxAccV2().Mean, 12);
        Assert.Equal(2 / 3.0, accuracy.GtKnownLoc(0.5).Mean, 12);
        Assert.Equal(1 / 3.0, accuracy.Top1Loc(0.5).Mean, 12);
        Assert.Equal(1 / 3.0, accuracy.Top5Loc(0.5).Mean, 12);
        Assert.Equal(1 / 3.0, accuracy.Top5Loc(0).Mean, 12);
        Assert.Equal([1 / 3.0, 1, 1, 1 / 3.0], accuracy.Curve(0.3));
        Assert.Equal([1 / 3.0, 0, 2 / 3.0, 0], accuracy.Curve(0.5, BoxSelection.Largest));
    }

    [Property(MaxTest = 30)]
    public bool Shards_in_any_order_give_the_same_digits(int seed)
    {
        var random = new Random(seed);
        var images = Enumerable
            .Range(0, 40)
            .Select(i => (Name: $"{i}", Best: Curve(), Largest: Curve(), Top1: random.Next(2) == 0))
            .ToArray();
        var whole = Of(images);
        var shards = images.OrderBy(_ => random.Next()).Chunk(7).Select(Of).ToArray();
        var merged = new BoxAccuracy(Thresholds);
        foreach (var shard in shards.Append(shards[0]))
            merged.Merge(shard);
        return merged.Images == 40
            && merged.MaxBoxAcc().Equals(whole.MaxBoxAcc())
            && merged.MaxBoxAccV2().Equals(whole.MaxBoxAccV2())
            && merged.Top1Loc(0.25).Equals(whole.Top1Loc(0.25))
            && merged.MaxBoxAccThreshold == whole.MaxBoxAccThreshold;

        double[] Curve() => [.. Thresholds.Select(_ => random.NextDouble())];
        BoxAccuracy Of((string Name, double[] Best, double[] Largest, bool Top1)[] part)
        {
            var accuracy = new BoxAccuracy(Thresholds);
            foreach (var (name, best, largest, top1) in part)
                accuracy.Add(name, new(best, largest), top1, true);
            return accuracy;
        }
    }

    [Fact]
    public void Mismatched_inputs_are_refused()
    {
        var accuracy = new BoxAccuracy(Thresholds);
        accuracy.Add("a", new([0, 0, 0, 0], [0, 0, 0, 0]), true, true);

        Assert.Throws<ArgumentException>(() => accuracy.Add("a", new([1, 0, 0, 0], [0, 0, 0, 0]), true, true));
        Assert.Throws<ArgumentException>(() => accuracy.Add("b", new([1], [0]), true, true));
        Assert.Throws<ArgumentException>(() => accuracy.GtKnownLoc(0.6));
        Assert.Throws<ArgumentException>(() => accuracy.Curve(0.4));
        Assert.Throws<ArgumentException>(() => accuracy.Merge(new BoxAccuracy([0, 0.5])));
        Assert.Throws<ArgumentException>(() => new BoxAccuracy(Thresholds).MaxBoxAccV2());
    }
}
