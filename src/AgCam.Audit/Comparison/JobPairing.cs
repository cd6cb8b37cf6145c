using AgCam.Heatmaps;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Preprocessing;

namespace AgCam.Audit.Comparison;

/// <summary>Pairs the images of two jobs and compares what is stored about them. Maps are read page by page and not kept.</summary>
/// <param name="a">The first job, the baseline.</param>
/// <param name="b">The second job.</param>
/// <param name="classes">Classes that both models have.</param>
public sealed class JobPairing(IStore store, Job a, Job b, ClassPairing classes)
{
    private const int PageSize = 250;

    private readonly Dictionary<Digest, PreprocessingOptions?> _preprocessing = [];

    /// <summary>Target whose maps are compared: one that both jobs explain, "predicted" if it is one; null for the first maps.</summary>
    public string? Target { get; } =
        a.Spec.Targets.Contains("predicted") && b.Spec.Targets.Contains("predicted")
            ? "predicted"
            : a.Spec.Targets.FirstOrDefault(target => b.Spec.Targets.Contains(target));

    /// <summary>Classes that both models have.</summary>
    public ClassPairing Classes { get; } = classes;

    /// <summary>Whether the boxes of the jobs have one meaning: same first target, same threshold.</summary>
    public bool HasBoxes => a.Spec.Targets[0] == b.Spec.Targets[0] && a.Spec.Threshold == b.Spec.Threshold;

    /// <exception cref="AuditException">The jobs have no image in common.</exception>
    public async Task<PairedImages> CompareAsync(JobImages imagesA, JobImages imagesB, CancellationToken cancellationToken = default)
    {
        var shared = imagesA.All.Keys.Where(imagesB.All.ContainsKey).Order().ToList();
        var addresses = imagesB.All.Values.Select(image => image.Uri).ToHashSet(StringComparer.Ordinal);
        var changed = imagesA.All.Count(image => !imagesB.All.ContainsKey(image.Key) && addresses.Contains(image.Value.Uri));
        if (shared.Count == 0)
            throw new AuditException(
                $"The jobs {a.Id} and {b.Id} have no image in common: no SHA-256 of the {imagesA.All.Count} images of the first is one of "
                    + $"the {imagesB.All.Count} images of the second."
                    + (changed > 0 ? $" {changed} have one path but other bytes." : "")
                    + " Run both jobs on the same files."
            );
        var comparisons = new List<ImageComparison>(shared.Count);
        var floors = new FloorMaps();
        foreach (var page in shared.Chunk(PageSize))
        {
            var ids = page.SelectMany(sha256 => new[] { imagesA.All[sha256].Explanation, imagesB.All[sha256].Explanation }).Distinct();
            var found = (await store.Explanations.FindAsync([.. ids], cancellationToken)).ToDictionary(explanation => explanation.Id);
            foreach (var sha256 in page)
            {
                var (outcomeA, outcomeB) = (imagesA.All[sha256], imagesB.All[sha256]);
                if (
                    !found.TryGetValue(outcomeA.Explanation, out var explanationA)
                    || !found.TryGetValue(outcomeB.Explanation, out var explanationB)
                )
                    throw new AuditException($"The explanation of {outcomeA.Uri} is no longer in the store. Run its job again.");
                comparisons.Add(await CompareAsync(sha256, (outcomeA, explanationA), (outcomeB, explanationB), floors, cancellationToken));
            }
        }
        var ofFloor = floors.Complete();
        return new PairedImages([.. comparisons.Select((image, index) => image with { Floor = ofFloor[index] })])
        {
            OnlyA = imagesA.All.Count - shared.Count,
            OnlyB = imagesB.All.Count - shared.Count,
            Changed = changed,
            LabelsDiffer = comparisons.LongCount(image => LabelsDiffer(image.A, image.B)),
            Unpaired = comparisons.LongCount(image => image.Agrees is null),
        };
    }

    /// <summary>Returns the map of an explanation that is compared; null when it has none for the target.</summary>
    public TargetMap? Map(StoredExplanation explanation) =>
        Target is null ? explanation.Maps.FirstOrDefault() : explanation.Maps.FirstOrDefault(map => map.Is(Target));

    /// <summary>Returns the explanations of both jobs, by their id.</summary>
    public async Task<IReadOnlyDictionary<Digest, StoredExplanation>> ExplanationsAsync(
        IEnumerable<ImageComparison> images,
        CancellationToken cancellationToken = default
    )
    {
        var ids = images.SelectMany(image => new[] { image.A.Explanation, image.B.Explanation }).Distinct();
        return (await store.Explanations.FindAsync([.. ids], cancellationToken)).ToDictionary(explanation => explanation.Id);
    }

    /// <summary>Returns the rectangle of the original picture that the maps of an explanation cover.</summary>
    public async Task<BoundingBox> CoversAsync(StoredExplanation explanation, CancellationToken cancellationToken = default)
    {
        var picture = explanation.Picture;
        if (await PreprocessingAsync(explanation.Provenance, cancellationToken) is not { } options)
            return new BoundingBox(0, 0, picture.Width, picture.Height);
        var transform = Preprocessor.TransformOf(options, picture.Width, picture.Height);
        var (left, top) = transform.ToOriginal(0, 0);
        return new BoundingBox(left, top, options.InputWidth * transform.ScaleX, options.InputHeight * transform.ScaleY);
    }

    /// <summary>
    /// Returns the ceiling of an image: the similarity of each job's map and its mirrored map, on the grid on which the jobs are compared.
    /// </summary>
    /// <param name="imageA">A's explanation and the map of the mirrored image, mirrored back.</param>
    /// <returns>The mean of both jobs, in the order of <see cref="MapMeasure.All"/>; NaN where it does not apply.</returns>
    public async Task<IReadOnlyList<double>> CeilingAsync(
        (StoredExplanation Explanation, Heatmap Mirrored) imageA,
        (StoredExplanation Explanation, Heatmap Mirrored) imageB,
        CancellationToken cancellationToken = default
    )
    {
        var stored = await AlignAsync(
            (imageA.Explanation, Heatmap(Map(imageA.Explanation)!)),
            (imageB.Explanation, Heatmap(Map(imageB.Explanation)!)),
            cancellationToken
        );
        var mirrored = await AlignAsync(imageA, imageB, cancellationToken);
        return
        [
            .. MapMeasure.All.Select(measure =>
                stored is null || mirrored is null ? double.NaN : (measure.Of(stored.A, mirrored.A) + measure.Of(stored.B, mirrored.B)) / 2
            ),
        ];
    }

    private async Task<AlignedMaps?> AlignAsync(
        (StoredExplanation Explanation, Heatmap Map) imageA,
        (StoredExplanation Explanation, Heatmap Map) imageB,
        CancellationToken cancellationToken
    ) =>
        PlacedMap.Align(
            new PlacedMap(imageA.Map, await CoversAsync(imageA.Explanation, cancellationToken)),
            new PlacedMap(imageB.Map, await CoversAsync(imageB.Explanation, cancellationToken))
        );

    private async Task<ImageComparison> CompareAsync(
        Digest sha256,
        (ImageOutcome Outcome, StoredExplanation Explanation) imageA,
        (ImageOutcome Outcome, StoredExplanation Explanation) imageB,
        FloorMaps floors,
        CancellationToken cancellationToken
    )
    {
        var (mapA, mapB) = (Map(imageA.Explanation), Map(imageB.Explanation));
        var aligned =
            mapA is null || mapB is null
                ? null
                : await AlignAsync((imageA.Explanation, Heatmap(mapA)), (imageB.Explanation, Heatmap(mapB)), cancellationToken);
        floors.Add(aligned);
        var (correctA, correctB) = Correct(imageA.Outcome, imageB.Outcome);
        return new ImageComparison(
            sha256,
            imageA.Outcome,
            imageB.Outcome,
            imageA.Outcome.LabelClass ?? imageB.Outcome.LabelClass ?? imageA.Outcome.Label ?? imageA.Outcome.Predicted ?? ""
        )
        {
            Similarity = [.. MapMeasure.All.Select(measure => aligned is null ? double.NaN : measure.Of(aligned.A, aligned.B))],
            BoxIou = HasBoxes && imageA.Outcome.Box is { } boxA && imageB.Outcome.Box is { } boxB ? boxA.Iou(boxB) : double.NaN,
            Agrees = Classes.Agree(Predicted(imageA.Explanation), Predicted(imageB.Explanation)),
            CorrectA = correctA,
            CorrectB = correctB,
            SameMapClass = mapA is null || mapB is null ? null : Classes.Agree((mapA.Class, mapA.Name), (mapB.Class, mapB.Name)),
            IsResampled = aligned is { IsResampled: true },
        };
    }

    /// <summary>
    /// Returns whether each prediction is right. A job without a label takes that of the other job. Both are null unless both are judged.
    /// </summary>
    private (bool?, bool?) Correct(ImageOutcome imageA, ImageOutcome imageB)
    {
        if (LabelsDiffer(imageA, imageB))
            return (null, null);
        var correctA = imageA.Correct ?? Borrowed(imageA, imageB);
        var correctB = imageB.Correct ?? Borrowed(imageB, imageA);
        return correctA is null || correctB is null ? (null, null) : (correctA, correctB);

        bool? Borrowed(ImageOutcome image, ImageOutcome other) =>
            image.Label is null && Classes.IsShared(other.LabelClass)
                ? string.Equals(image.Predicted, other.LabelClass, StringComparison.OrdinalIgnoreCase)
                : null;
    }

    private static bool LabelsDiffer(ImageOutcome imageA, ImageOutcome imageB) =>
        imageA.Label is not null
        && imageB.Label is not null
        && imageA.Label != imageB.Label
        && !string.Equals(imageA.LabelClass ?? imageA.Label, imageB.LabelClass ?? imageB.Label, StringComparison.OrdinalIgnoreCase);

    private static (int, string) Predicted(StoredExplanation explanation) => (explanation.Top[0].Class, explanation.Top[0].Name);

    public static Heatmap Heatmap(TargetMap map) => new(map.Rows, map.Columns, map.Values());

    /// <summary>Returns the preprocessing of a configuration; null for a stand-in of a model, which sees the whole picture.</summary>
    private async Task<PreprocessingOptions?> PreprocessingAsync(Digest provenance, CancellationToken cancellationToken)
    {
        if (_preprocessing.TryGetValue(provenance, out var known))
            return known;
        var stored =
            await store.Provenances.FindAsync(provenance, cancellationToken)
            ?? throw new AuditException($"The provenance {provenance} is not in the store. Check the store with `agcam store check`.");
        return _preprocessing[provenance] = stored.Preprocessing == "none" ? null : PreprocessingOptions.Parse(stored.Preprocessing);
    }

    /// <summary>
    /// Measures the floor: maps of different images, of one job. Each image is compared with the next one in the order of SHA-256, the last
    /// one with the first.
    /// </summary>
    private sealed class FloorMaps
    {
        private readonly List<IReadOnlyList<double>> _floors = [];
        private AlignedMaps? _first;
        private AlignedMaps? _last;
        private bool _isStarted;

        public void Add(AlignedMaps? maps)
        {
            if (_isStarted)
                _floors.Add(Between(_last, maps));
            else
                (_first, _isStarted) = (maps, true);
            _last = maps;
        }

        public List<IReadOnlyList<double>> Complete()
        {
            _floors.Add(_floors.Count == 0 ? Between(null, null) : Between(_last, _first)); // one image has no other
            return _floors;
        }

        private static double[] Between(AlignedMaps? maps, AlignedMaps? other) =>
            [
                .. MapMeasure.All.Select(measure =>
                    maps is null || other is null || (maps.A.Rows, maps.A.Columns) != (other.A.Rows, other.A.Columns)
                        ? double.NaN
                        : (measure.Of(maps.A, other.A) + measure.Of(maps.B, other.B)) / 2
                ),
            ];
    }
}
