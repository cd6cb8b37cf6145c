using AgCam.Evaluation.Metrics;

namespace AgCam.Audit.Comparison;

/// <summary>Computes the numbers of a comparison from its images.</summary>
/// <param name="images">In the order of their SHA-256.</param>
/// <param name="ceilings">Ceilings of a sample of the images.</param>
public sealed class PairedComparison(IReadOnlyList<ImageComparison> images, Ceilings ceilings)
{
    public const string Calibrated = ".calibrated";

    /// <summary>Number of images that a report lists.</summary>
    private const int Listed = 20;

    /// <summary>Names of all metrics, in the order of the report.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        .. MapMeasure.All.SelectMany(measure => new[] { measure.Name, measure.Name + Calibrated }),
        "box-iou",
        "prediction-agreement",
        "accuracy",
        "negative-flip-rate",
        "positive-flip-rate",
    ];

    public IReadOnlyList<ComparedMetric> Metrics() =>
        [
            .. MapMeasure.All.Index().SelectMany(measure => new[] { Raw(measure.Index), OnScale(measure.Index) }),
            Mean(
                "box-iou",
                "intersection over union of the first boxes",
                image => image.BoxIou,
                "no pair has boxes of one target and threshold in both jobs"
            ),
            Share(
                "prediction-agreement",
                isGood: true,
                "share of the images where both models predict one class",
                image => image.Agrees,
                "no predicted class is one of both models"
            ),
            Accuracy(),
            Share(
                "negative-flip-rate",
                isGood: false,
                "share of the images that A predicts right and B wrong",
                image => image.CorrectA is null ? null : image.IsNegativeFlip,
                NoLabels
            ),
            Share(
                "positive-flip-rate",
                isGood: true,
                "share of the images that A predicts wrong and B right",
                image => image.CorrectA is null ? null : image.IsPositiveFlip,
                NoLabels
            ),
        ];

    /// <summary>Returns the rows of the classes: most negative flips first, then the least similar maps.</summary>
    public IReadOnlyList<ComparedClass> Classes() =>
        [
            .. ByClass()
                .Select(group => new ComparedClass(group.Key, group.Count(), Values([.. group])))
                .OrderByDescending(row => row.Values.GetValueOrDefault("negative-flip-rate"))
                .ThenBy(row => row.Values.GetValueOrDefault(MapMeasure.All[0].Name, double.MaxValue))
                .ThenBy(row => row.Name, StringComparer.Ordinal),
        ];

    /// <summary>Returns the images whose maps are least similar by the first measure.</summary>
    public IReadOnlyList<ImageComparison> MostChanged(int count) =>
        [
            .. images
                .Where(image => !double.IsNaN(image.Similarity[0]))
                .OrderBy(image => image.Similarity[0])
                .ThenBy(image => image.Sha256)
                .Take(count),
        ];

    /// <summary>Returns the whole report.</summary>
    /// <param name="paired">The pairs whose images this comparison has.</param>
    public ComparisonReport Report(ComparedJob a, ComparedJob b, PairedImages paired, IReadOnlyList<string> notes) =>
        new(a, b, ComparisonMode.Paired, Metrics(), Classes())
        {
            Shared = images.Count,
            OnlyA = paired.OnlyA,
            OnlyB = paired.OnlyB,
            Changed = MostChanged(Listed),
            Notes = notes,
        };

    private const string NoLabels = "no pair has a label that is a class of both models";

    private static Dictionary<string, double> Values(IReadOnlyList<ImageComparison> group)
    {
        var values = new Dictionary<string, double>();
        for (var m = 0; m < MapMeasure.All.Count; m++)
            Put(MapMeasure.All[m].Name, group.Select(image => image.Similarity[m]));
        Put("box-iou", group.Select(image => image.BoxIou));
        Put("prediction-agreement", group.Select(image => Number(image.Agrees)));
        Put("accuracy-a", group.Select(image => Number(image.CorrectA)));
        Put("accuracy-b", group.Select(image => Number(image.CorrectB)));
        Put("negative-flip-rate", group.Where(image => image.CorrectA is not null).Select(image => Number(image.IsNegativeFlip)));
        Put("positive-flip-rate", group.Where(image => image.CorrectA is not null).Select(image => Number(image.IsPositiveFlip)));
        return values;

        void Put(string name, IEnumerable<double> measured)
        {
            var known = measured.Where(value => !double.IsNaN(value)).ToList();
            if (known.Count > 0)
                values[name] = known.Average();
        }
    }

    private static double Number(bool? value) =>
        value switch
        {
            null => double.NaN,
            true => 1,
            false => 0,
        };

    private IEnumerable<IGrouping<string, ImageComparison>> ByClass() =>
        images.GroupBy(image => image.Class, StringComparer.OrdinalIgnoreCase);

    private ComparedMetric Raw(int measure)
    {
        var (name, meaning) = (MapMeasure.All[measure].Name, MapMeasure.All[measure].Meaning);
        var metric = Mean(name, meaning, image => image.Similarity[measure], NoMaps(measure));
        var paired = Measured(measure);
        var ceiling = Ceilings(measure);
        if (metric.Value is null || paired.Count < 2)
            return metric;
        double[] values = [.. paired.Select(image => image.Similarity[measure])];
        double[] floors = [.. paired.Select(image => image.Floor[measure])];
        return metric with
        {
            Baseline = floors.Average(),
            Change = Bootstrap.Default.MeanDifference(values, floors),
            Ceiling = ceiling.Count > 0 ? ceiling.Average() : null,
        };
    }

    private ComparedMetric OnScale(int measure)
    {
        var name = MapMeasure.All[measure].Name;
        var metric = new ComparedMetric(name + Calibrated, true, $"{name} from 0, the floor, to 1, the ceiling");
        var paired = Measured(measure);
        if (paired.Count < 2)
            return metric with { Missing = NoMaps(measure) };
        if (ceilings.Missing is not null || Ceilings(measure).Count < 2)
            return metric with { Missing = ceilings.Missing ?? "fewer than two images have a ceiling" };
        var calibrated = ComparisonStatistics.Calibrate([
            .. paired.Select(image => (image.Similarity[measure], image.Floor[measure], Ceiling(image, measure))),
        ]);
        return calibrated is { } found
            ? metric with
            {
                Count = paired.Count,
                Value = found.Value,
                SmallestChange = found.SmallestChange,
            }
            : metric with
            {
                Missing = "the ceiling is not clearly above the floor: the maps of a model depend on the image hardly at all",
            };
    }

    private ComparedMetric Accuracy()
    {
        var metric = Share("accuracy", isGood: true, "share of the images that B predicts right", image => image.CorrectB, NoLabels);
        if (metric.Value is null)
            return metric;
        var both = images.LongCount(image => image is { CorrectA: true, CorrectB: true });
        var (lost, won) = (images.LongCount(image => image.IsNegativeFlip), images.LongCount(image => image.IsPositiveFlip));
        return metric with
        {
            Baseline = (double)(both + lost) / metric.Count,
            Change = ComparisonStatistics.PairedDifference(both, lost, won, metric.Count),
            SmallestChange = ComparisonStatistics.SmallestDifference(lost, won, metric.Count),
        };
    }

    private ComparedMetric Mean(string name, string meaning, Func<ImageComparison, double> value, string missing)
    {
        double[] values = [.. images.Select(value).Where(measured => !double.IsNaN(measured))];
        var metric = new ComparedMetric(name, true, meaning) { Count = values.Length };
        return values.Length == 0
            ? metric with
            {
                Missing = missing,
            }
            : metric with
            {
                Value = Bootstrap.Default.Mean(values),
                SmallestChange = ComparisonStatistics.SmallestChange(values) is var smallest && double.IsNaN(smallest) ? null : smallest,
                ClassMean = ClassMean(value),
            };
    }

    private ComparedMetric Share(string name, bool isGood, string meaning, Func<ImageComparison, bool?> counts, string missing)
    {
        var judged = images.Select(counts).OfType<bool>().ToList();
        var metric = new ComparedMetric(name, isGood, meaning) { Count = judged.Count };
        if (judged.Count == 0)
            return metric with { Missing = missing };
        var count = judged.Count(isCounted => isCounted);
        return metric with
        {
            Value = ComparisonStatistics.Proportion(count, judged.Count),
            SmallestChange = ComparisonStatistics.SmallestChange(count, judged.Count),
            ClassMean = ClassMean(image => Number(counts(image))),
        };
    }

    private double ClassMean(Func<ImageComparison, double> value) =>
        ByClass()
            .Select(group => group.Select(value).Where(measured => !double.IsNaN(measured)).ToList())
            .Where(values => values.Count > 0)
            .Average(values => values.Average());

    private List<ImageComparison> Measured(int measure) =>
        [.. images.Where(image => !double.IsNaN(image.Similarity[measure]) && !double.IsNaN(image.Floor[measure]))];

    private List<double> Ceilings(int measure) =>
        [.. Measured(measure).Select(image => Ceiling(image, measure)).Where(ceiling => !double.IsNaN(ceiling))];

    private double Ceiling(ImageComparison image, int measure) =>
        ceilings.Values.TryGetValue(image.Sha256, out var values) ? values[measure] : double.NaN;

    private static string NoMaps(int measure) =>
        MapMeasure.All[measure].Name == "sign-agreement"
            ? "fewer than two pairs have negative values in both maps"
            : "fewer than two images have maps that are not flat";
}
