using AgCam.Audit.Comparison;
using AgCam.Pipeline.Messages;
using Xunit;

namespace AgCam.Audit.Tests.Comparison;

public class PairedComparisonTests
{
    [Fact]
    public void Flips_and_accuracy_are_counted_over_the_judged_images()
    {
        var metrics = Compare([
            Image(0, correctA: true, correctB: true),
            Image(1, correctA: true, correctB: false),
            Image(2, correctA: false, correctB: true),
            Image(3, correctA: true, correctB: false),
            Image(4), // without a label
        ]);
        Assert.Equal((4, 0.5), (metrics["negative-flip-rate"].Count, metrics["negative-flip-rate"].Value!.Value.Mean));
        Assert.Equal(0.25, metrics["positive-flip-rate"].Value!.Value.Mean);
        Assert.Equal((0.5, 0.75), (metrics["accuracy"].Value!.Value.Mean, metrics["accuracy"].Baseline));
        Assert.Equal(-0.25, metrics["accuracy"].Change!.Value.Mean);
    }

    [Fact]
    public void Class_mean_weighs_classes_equally()
    {
        var metrics = Compare([Image(0, 0.9, "cat"), Image(1, 0.9, "cat"), Image(2, 0.9, "cat"), Image(3, 0.1, "dog")]);
        Assert.Equal(0.7, metrics["spearman"].Value!.Value.Mean, 12);
        Assert.Equal(0.5, metrics["spearman"].ClassMean!.Value, 12);
    }

    [Fact]
    public void Change_of_a_map_measure_is_that_from_the_floor()
    {
        var metric = Compare([Image(0, 0.9), Image(1, 0.7)])["spearman"];
        Assert.Equal(0.2, metric.Baseline!.Value, 12);
        Assert.Equal(0.6, metric.Change!.Value.Mean, 12);
    }

    [Fact]
    public void Scale_needs_ceilings_and_names_the_reason_without()
    {
        List<ImageComparison> images = [Image(0, 0.9), Image(1, 0.7)];
        Assert.Equal("gone", Compare(images)["spearman.calibrated"].Missing);
        var ceilings = images.ToDictionary(image => image.Sha256, _ => (IReadOnlyList<double>)[1, 1, 1, 1]);
        var metrics = new PairedComparison(images, new Ceilings(ceilings, null)).Metrics().ToDictionary(metric => metric.Name);
        Assert.Equal(0.75, metrics["spearman.calibrated"].Value!.Value.Mean, 12);
        Assert.Equal(1, metrics["spearman"].Ceiling);
    }

    [Fact]
    public void Names_are_those_of_the_metrics() =>
        Assert.Equal(
            PairedComparison.Names,
            new PairedComparison([Image(0)], Ceilings.None("gone")).Metrics().Select(metric => metric.Name)
        );

    [Fact]
    public void Images_that_changed_most_come_first() =>
        Assert.Equal(
            [2, 0],
            new PairedComparison([Image(0, 0.5), Image(1, 0.9), Image(2, -0.1), Image(3, double.NaN)], Ceilings.None("gone"))
                .MostChanged(2)
                .Select(image => image.A.Number)
        );

    private static Dictionary<string, ComparedMetric> Compare(IReadOnlyList<ImageComparison> images) =>
        new PairedComparison(images, Ceilings.None("gone")).Metrics().ToDictionary(metric => metric.Name);

    private static ImageComparison Image(
        int number,
        double similarity = 0.5,
        string @class = "cat",
        bool? correctA = null,
        bool? correctB = null
    )
    {
        var outcome = new ImageOutcome(number, ReferenceKind.File, $"{number}.jpg", Some.File(number));
        return new ImageComparison(Some.File(number), outcome, outcome, @class)
        {
            Similarity = [similarity, similarity, similarity, double.NaN],
            Floor = [0.2, 0.1, 0.1, double.NaN],
            CorrectA = correctA,
            CorrectB = correctB,
        };
    }
}
