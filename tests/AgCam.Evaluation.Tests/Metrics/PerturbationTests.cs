using AgCam.Evaluation.Metrics;
using AgCam.Heatmaps;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Evaluation.Tests.Metrics;

[Trait("Category", "numerical")]
public class PerturbationTests
{
    [Fact]
    public void Equal_values_keep_reading_order_in_both_directions()
    {
        var map = new Heatmap(2, 4, [1, 0, 2, 0, 1, -0f, 2, -1]);

        Assert.Equal([2, 6, 0, 4, 1, 3, 5, 7], PixelOrder.HottestFirst(map));
        Assert.Equal([7, 1, 3, 5, 0, 4, 2, 6], PixelOrder.ColdestFirst(map));
    }

    [Property]
    public bool The_order_is_that_of_a_stable_sort(int seed)
    {
        var map = SomeHeatmap.Noise(seed, 9, 11, 12);
        var indexes = Enumerable.Range(0, 99);
        return PixelOrder.HottestFirst(map).SequenceEqual(indexes.OrderByDescending(i => map.Values[i]))
            && PixelOrder.ColdestFirst(map).SequenceEqual(indexes.OrderBy(i => map.Values[i]));
    }

    [Fact]
    public void Each_step_removes_the_next_tenth_of_the_pixels_in_all_channels()
    {
        var map = new Heatmap(3, 5, [.. Enumerable.Range(0, 15).Select(i => (float)i)]);
        var image = Enumerable.Repeat(1f, 30).ToArray();

        var pictures = new Perturbation(image, 2, map).Images().ToArray();

        // of 15 pixels 0, 1, 3, 4, 6, 7, 9, 10, 12, 13 and 15 are gone
        Assert.Equal(Perturbation.Pictures, pictures.Length);
        Assert.Equal(
            [0, 1, 3, 4, 6, 7, 9, 10, 12, 13, 1, 3, 4, 6, 7, 9, 10, 12, 13, 15],
            pictures.Select(p => p.Take(15).Count(v => v == 0))
        );
        Assert.All(pictures, p => Assert.Equal(p[..15], p[15..]));
        Assert.Equal([0, 0, 0], pictures[2][12..15]);
        Assert.Equal([0, 0, 0, 1], pictures[11][..4]);
        Assert.All(image, value => Assert.Equal(1, value));
    }

    [Fact]
    public void Curves_share_their_first_and_last_point_and_areas_are_plain_means()
    {
        var curves = Perturbation.Curves([.. Enumerable.Range(0, 20).Select(i => i / 100f)]);

        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 19], curves.Morf.Select(p => Math.Round(100 * p)));
        Assert.Equal([0, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19], curves.Lerf.Select(p => Math.Round(100 * p)));
        Assert.Equal(64 / 1100.0, curves.AucMorf, 7);
        Assert.Equal(145 / 1100.0, curves.AucLerf, 7);
        Assert.Equal(81 / 1100.0, curves.Abpc, 7);
        Assert.Throws<ArgumentException>(() => Perturbation.Curves([1, 2]));
    }

    [Fact]
    public void Map_of_the_models_evidence_beats_its_opposite()
    {
        var map = SomeHeatmap.Smooth(1, 40);
        var image = Enumerable.Repeat(1f, 1600).ToArray();
        var batches = new List<int>();

        var good = new Perturbation(image, 1, map).Measure(Model, batch: 6);
        var bad = new Perturbation(image, 1, new Heatmap(40, 40, [.. map.Values.Select(v => 1 - v)])).Measure(Model);

        Assert.True(good.Abpc > 0.1 && bad.Abpc < -0.1);
        Assert.Equal([6, 6, 6, 2, 20], batches);

        float[] Model(float[][] pictures)
        {
            batches.Add(pictures.Length);
            return Array.ConvertAll(pictures, p => p.Zip(map.Values, (a, b) => a * b).Sum() / map.Values.Sum());
        }
    }

    [Fact]
    public void Maps_without_an_order_or_of_another_size_are_refused()
    {
        Assert.Contains(
            "flat-heatmap",
            Assert.Throws<ArgumentException>(() => new Perturbation(new float[12], 3, new Heatmap(2, 2, [1, 1, 1, 1]))).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "2 x 2",
            Assert.Throws<ArgumentException>(() => new Perturbation(new float[11], 3, new Heatmap(2, 2, [1, 2, 1, 1]))).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Insertion_and_deletion_equal_the_exact_areas_of_a_counting_model()
    {
        // the model's probability is the share of the map's mass whose pixels are one; the blur of a single lit pixel is nearly nothing
        var map = new Heatmap(1, 4, [4, 3, 2, 1]);

        var scores = InsertionDeletion.Measure(
            [1, 1, 1, 1],
            1,
            map,
            pictures => Array.ConvertAll(pictures, p => p.Zip(map.Values, (a, b) => a * b).Sum() / 10),
            pixelsPerStep: 1,
            batch: 3
        );

        Assert.Equal([0, 0.25, 0.5, 0.75, 1], scores.Removed);
        Assert.Equal([1, 0.6, 0.3, 0.1, 0], scores.Deletion.Select(p => Math.Round(p, 6)));
        Assert.Equal((0.5 + 0.6 + 0.3 + 0.1) / 4, scores.DeletionAuc, 6);
        Assert.Equal(1, scores.InsertionAuc, 6); // a constant picture is its own blur
    }

    [Fact]
    public void Shorter_last_step_has_less_weight()
    {
        var scores = InsertionDeletion.Measure(
            [1, 1, 1, 1, 1],
            1,
            new Heatmap(1, 5, [5, 4, 3, 2, 1]),
            pictures => new float[pictures.Length],
            pixelsPerStep: 2
        );

        Assert.Equal([0, 0.4, 0.8, 1], scores.Removed);
    }

    [Property]
    public bool A_blur_keeps_a_constant(short value, byte rows, byte columns)
    {
        var (r, c) = (rows % 20 + 1, columns % 20 + 1);
        return GaussianBlur
            .Apply([.. Enumerable.Repeat((float)value, 2 * r * c)], 2, r, c)
            .All(v => Math.Abs(v - value) <= 1e-5 * Math.Abs((int)value));
    }

    [Fact]
    public void Blur_spreads_a_point_as_a_gaussian()
    {
        var point = new float[21 * 21];
        point[10 * 21 + 10] = 1;

        var blurred = GaussianBlur.Apply(point, 1, 21, 21);

        Assert.Equal(1, blurred.Sum(), 5);
        Assert.Equal(Math.Exp(-0.5 * (9 + 4) / 25.0), blurred[12 * 21 + 13] / blurred[10 * 21 + 10], 5);
        Assert.Equal(0, blurred[10 * 21 + 16]);
    }

    [Fact]
    public void Confidence_drops_by_the_lost_fraction()
    {
        Assert.Equal(
            [0.75, 0, double.NaN],
            [Confidence.Drop(0.8, 0.2), Confidence.Drop(0.2, 0.8), Confidence.Drop(0, 0.5)],
            (a, b) => Math.Abs(a - b) < 1e-12 || double.IsNaN(a) && double.IsNaN(b)
        );
        Assert.Equal([0, 1], [Confidence.Increase(0.8, 0.2), Confidence.Increase(0.2, 0.8)]);
        Assert.Equal([0, 2, 0, 4], Confidence.Keep([1, 2, 3, 4], 2, new Heatmap(1, 2, [0, 1])));
    }
}
