using System.Globalization;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Audit.Comparison;

/// <summary>
/// Compares the images of two jobs of one model and method as two samples: what the model sees, predicts and looks at. The samples are the
/// first images in the order of their SHA-256, so that the result does not depend on the order of the images.
/// </summary>
public sealed class DriftComparison(IStore store, Job a, Job b)
{
    /// <summary>Maximum number of images of a job: all pairs of them are compared.</summary>
    private const int Sampled = 1000;

    /// <summary>Maximum number of images of a job in a class.</summary>
    private const int SampledInClass = 100;

    private const int PageSize = 250;

    private static readonly string[] ClassMeasures = ["embedding-drift", "map-drift"];

    private readonly JobPairing _pairing = new(store, a, b, ClassPairing.Same);

    /// <summary>Names of all metrics, in the order of the report.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. DriftMeasure.All.Select(measure => measure.Name), "accuracy"];

    /// <summary>Returns whether two jobs differ only in their images.</summary>
    public static bool IsFor(Job a, Job b) =>
        (a.Spec.Model.Sha256, a.Spec.Method, a.Spec.Dtype) == (b.Spec.Model.Sha256, b.Spec.Method, b.Spec.Dtype);

    public async Task<ComparisonReport> RunAsync(JobImages imagesA, JobImages imagesB, CancellationToken cancellationToken = default)
    {
        var shared = imagesA.All.Keys.Count(imagesB.All.ContainsKey);
        var (sampleA, sampleB) = (
            await ReadAsync(imagesA.All, Sampled, cancellationToken),
            await ReadAsync(imagesB.All, Sampled, cancellationToken)
        );
        return new ComparisonReport(
            ComparedJob.Of(a, imagesA),
            ComparedJob.Of(b, imagesB),
            ComparisonMode.Drift,
            [.. DriftMeasure.All.Select(measure => Metric(measure, sampleA, sampleB)), Accuracy(imagesA, imagesB)],
            await ClassesAsync(imagesA, imagesB, cancellationToken)
        )
        {
            Shared = shared,
            OnlyA = imagesA.All.Count - shared,
            OnlyB = imagesB.All.Count - shared,
            Notes = [.. Notes(imagesA, imagesB, shared)],
        };
    }

    private static ComparedMetric Metric(DriftMeasure measure, List<DriftImage> sampleA, List<DriftImage> sampleB)
    {
        var metric = new ComparedMetric(measure.Name, false, measure.Meaning);
        return measure.Of(sampleA, sampleB) is { } drift
            ? metric with
            {
                Count = sampleA.Count + sampleB.Count,
                Value = drift.Value,
                ByChance = drift.ByChance,
                PValue = drift.PValue,
                SmallestChange = drift.SmallestChange,
            }
            : metric with
            {
                Missing = $"it needs {EnergyDistance.MinImages} images of each job with {measure.Needs}",
            };
    }

    private static ComparedMetric Accuracy(JobImages imagesA, JobImages imagesB)
    {
        var metric = new ComparedMetric("accuracy", true, "share of the images of B that the model predicts right; the baseline is A's");
        var (judgedA, judgedB) = (Judged(imagesA.All.Values), Judged(imagesB.All.Values));
        if (judgedA.Count == 0 || judgedB.Count == 0)
            return metric with { Missing = "it needs images of both jobs with a label that is a class" };
        var (rightA, rightB) = (judgedA.Count(isRight => isRight), judgedB.Count(isRight => isRight));
        return metric with
        {
            Count = judgedB.Count,
            Value = ComparisonStatistics.Proportion(rightB, judgedB.Count),
            Baseline = (double)rightA / judgedA.Count,
            Change = ComparisonStatistics.Difference((rightA, judgedA.Count), (rightB, judgedB.Count)),
            SmallestChange = double.Hypot(
                ComparisonStatistics.SmallestChange(rightA, judgedA.Count),
                ComparisonStatistics.SmallestChange(rightB, judgedB.Count)
            ),
        };
    }

    private static List<bool> Judged(IEnumerable<ImageOutcome> images) => [.. images.Select(image => image.Correct).OfType<bool>()];

    /// <summary>Returns the drift in each class with enough images in both jobs, the smallest adjusted p-value first.</summary>
    private async Task<IReadOnlyList<ComparedClass>> ClassesAsync(JobImages imagesA, JobImages imagesB, CancellationToken cancellationToken)
    {
        var classesB = ByClass(imagesB);
        var rows = new List<ComparedClass>();
        foreach (var (name, ofA) in ByClass(imagesA).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            if (ofA.Count < EnergyDistance.MinImages || classesB.GetValueOrDefault(name) is not { Count: >= EnergyDistance.MinImages } ofB)
                continue;
            var (sampleA, sampleB) = (
                await ReadAsync(ofA, SampledInClass, cancellationToken),
                await ReadAsync(ofB, SampledInClass, cancellationToken)
            );
            var values = new Dictionary<string, double>();
            foreach (var measure in DriftMeasure.All.Where(measure => ClassMeasures.Contains(measure.Name)))
                if (measure.Of(sampleA, sampleB) is { } drift)
                    (values[measure.Name], values[$"{measure.Name}-p"]) = (drift.Value.Mean, drift.PValue);
            var (judgedA, judgedB) = (Judged(ofA.Values), Judged(ofB.Values));
            if (judgedA.Count > 0 && judgedB.Count > 0)
                (values["accuracy-a"], values["accuracy-b"]) = (
                    judgedA.Average(isRight => isRight ? 1.0 : 0),
                    judgedB.Average(isRight => isRight ? 1.0 : 0)
                );
            rows.Add(new ComparedClass(name, ofA.Count, values) { ImagesB = ofB.Count });
        }
        foreach (var measure in ClassMeasures)
            Adjust(rows, measure);
        return
        [
            .. rows.OrderBy(row => ClassMeasures.Min(measure => row.Values.GetValueOrDefault($"{measure}-q", 1)))
                .ThenByDescending(row => row.Values.GetValueOrDefault(ClassMeasures[0]))
                .ThenBy(row => row.Name, StringComparer.Ordinal),
        ];
    }

    /// <summary>
    /// Adds the p-values adjusted by Benjamini and Hochberg: of the classes below 0.05, one in twenty is expected to be there by chance.
    /// </summary>
    private static void Adjust(List<ComparedClass> rows, string measure)
    {
        var tested = rows.Where(row => row.Values.ContainsKey($"{measure}-p"))
            .OrderByDescending(row => row.Values[$"{measure}-p"])
            .ToList();
        var adjusted = 1.0;
        foreach (var (index, row) in tested.Index())
        {
            adjusted = Math.Min(adjusted, row.Values[$"{measure}-p"] * tested.Count / (tested.Count - index));
            ((Dictionary<string, double>)row.Values)[$"{measure}-q"] = adjusted;
        }
    }

    private static Dictionary<string, Dictionary<Digest, ImageOutcome>> ByClass(JobImages images) =>
        images
            .All.GroupBy(image => image.Value.LabelClass ?? image.Value.Predicted ?? "", StringComparer.OrdinalIgnoreCase)
            .ToDictionary(group => group.Key, group => group.ToDictionary(), StringComparer.OrdinalIgnoreCase);

    private async Task<List<DriftImage>> ReadAsync(
        IReadOnlyDictionary<Digest, ImageOutcome> images,
        int count,
        CancellationToken cancellationToken
    )
    {
        var sample = images.OrderBy(image => image.Key).Take(count).Select(image => image.Value).ToList();
        var read = new List<DriftImage>(sample.Count);
        foreach (var page in sample.Chunk(PageSize))
        {
            var ids = page.Select(image => image.Explanation).Distinct().ToList();
            var found = (await store.Explanations.FindAsync(ids, cancellationToken)).ToDictionary(explanation => explanation.Id);
            foreach (var image in page)
                if (found.TryGetValue(image.Explanation, out var explanation))
                    read.Add(DriftImage.Of(image, explanation, _pairing.Map(explanation)));
        }
        return read;
    }

    private static IEnumerable<string> Notes(JobImages imagesA, JobImages imagesB, int shared)
    {
        var culture = CultureInfo.InvariantCulture;
        yield return "One model and method: the distributions of the jobs are compared, not their images one by one.";
        if (imagesA.All.Count > Sampled || imagesB.All.Count > Sampled)
            yield return string.Create(culture, $"Drift is measured on the first {Sampled:N0} images of a job by SHA-256.");
        if (shared == imagesA.All.Count && shared == imagesB.All.Count)
            yield return "Both jobs have the same images, which have one explanation each: there can be no drift.";
        else if (shared > 0)
            yield return string.Create(culture, $"{shared:N0} images are in both jobs, so that drift is underestimated.");
        if (imagesA.Failed + imagesB.Failed > 0)
            yield return string.Create(culture, $"{imagesA.Failed:N0} images of A and {imagesB.Failed:N0} of B failed.");
    }
}
