using AgCam.Evaluation.Datasets;
using AgCam.Evaluation.Datasets.Masks;
using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Preprocessing;

namespace AgCam.Evaluation;

/// <summary>A decoded and checked sample: ready for the model, or skipped with a reason.</summary>
public sealed record EvaluationImage(Sample Sample)
{
    /// <summary>Reason why the image is not evaluated; null where it is.</summary>
    public string? Skipped { get; private init; }

    /// <summary>Class index; null where the sample has no label that the model knows.</summary>
    public int? Label { get; private init; }

    /// <summary>Class index to explain, for an image that counts.</summary>
    public int Target => Label ?? throw new InvalidOperationException($"{Sample.Key} has no class: {Skipped}.");

    /// <summary>Model input.</summary>
    public PreparedImage? Prepared { get; private init; }

    /// <summary>Ground-truth boxes in original pixels, clipped to the image. Empty where none is usable.</summary>
    public IReadOnlyList<BoundingBox> Boxes { get; private init; } = [];

    /// <summary>Reason why <see cref="Boxes"/> is empty.</summary>
    public string? WithoutBoxes { get; private init; }

    /// <summary>Mask at the model's input size. Null where there is no usable mask, or no metric needs one.</summary>
    public MaskPixel[]? Mask { get; private init; }

    /// <summary>Reason why <see cref="Mask"/> is null, where a metric needs a mask.</summary>
    public string? WithoutMask { get; private init; }

    /// <summary>Number of boxes that were clipped or dropped, by reason.</summary>
    public IReadOnlyDictionary<string, int> Repaired { get; private init; } = new Dictionary<string, int>();

    /// <summary>Reads and prepares a sample. Thread-safe.</summary>
    public static EvaluationImage Read(Sample sample, Explainer explainer, EvaluationOptions options, ImageLimits limits) =>
        Read(sample, explainer, options, limits, LocalFiles.Instance);

    /// <param name="files">Reads the image and its masks.</param>
    /// <inheritdoc cref="Read(Sample, Explainer, EvaluationOptions, ImageLimits)"/>
    internal static EvaluationImage Read(
        Sample sample,
        Explainer explainer,
        EvaluationOptions options,
        ImageLimits limits,
        IFileReader files
    )
    {
        var image = new EvaluationImage(sample) { Label = sample.Label is null ? null : ClassOf(sample, explainer.Classes) };
        if (sample.Unusable is { } unusable)
            return image with { Skipped = unusable };
        var unmeasurable = options.NeedsObjects && (sample.Masks.Count == 0 || !options.Has(MetricFamily.Masks));
        if (sample.Label is null)
            return image with { Skipped = sample.WithoutBoxes is { } why && unmeasurable ? why : SkipReason.NoLabel };
        if (image.Label is null)
            return image with { Skipped = SkipReason.UnknownLabel };
        if (sample.WithoutBoxes is { } without && unmeasurable)
            return image with { Skipped = options.UsesBoxes ? without : SkipReason.NoMask };
        RgbImage picture;
        try
        {
            using var file = files.Open(sample.Path);
            picture = ImageDecoder.Decode(file.Read(limits), limits);
        }
        catch (ImageException failure)
        {
            return image with { Skipped = failure.Reason };
        }

        var prepared = explainer.Prepare(picture);
        var repaired = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var boxes = sample.Boxes.Select(box => Usable(box, prepared, repaired)).OfType<BoundingBox>().ToList();
        var reason = boxes.Count > 0 ? null : sample.WithoutBoxes ?? repaired.Keys.FirstOrDefault() ?? SkipReason.NoBoxes;
        var (mask, withoutMask) = options.Has(MetricFamily.Masks) ? MaskOf(sample, prepared, limits, files) : (null, null);
        var measurable = (reason is null && options.UsesBoxes) || mask is not null;
        return options.NeedsObjects && !measurable
            ? image with
            {
                Skipped = options.UsesBoxes ? reason : withoutMask,
            }
            : image with
            {
                Prepared = prepared,
                Boxes = boxes,
                WithoutBoxes = reason,
                Mask = mask,
                WithoutMask = withoutMask,
                Repaired = repaired,
            };
    }

    /// <summary>
    /// Finds the class by the label, then by its other names. A model without class names takes the dataset's own index. Returns null where
    /// the model has no such class.
    /// </summary>
    private static int? ClassOf(Sample sample, ClassNames classes)
    {
        foreach (var name in sample.OtherNames.Prepend(sample.Label!))
            if (classes.Find(name) is >= 0 and var found)
                return found;
        return classes.Names is null && sample.Index is { } index && index < classes.Count ? index : null;
    }

    private static (MaskPixel[]? Mask, string? Without) MaskOf(Sample sample, PreparedImage image, ImageLimits limits, IFileReader files)
    {
        if (sample.Masks.Count == 0)
            return (null, SkipReason.NoMask);
        try
        {
            var mask = ObjectPixels.Draw(sample.Masks, image, limits, files);
            return (mask, mask is null ? SkipReason.EmptyMask : null);
        }
        catch (Exception failure) when (failure is FormatException or ImageException)
        {
            return (null, SkipReason.BrokenMask);
        }
    }

    private static BoundingBox? Usable(BoundingBox box, PreparedImage image, SortedDictionary<string, int> repaired)
    {
        var (width, height) = (image.Transform.OriginalWidth, image.Transform.OriginalHeight);
        if (box.Width <= 0 || box.Height <= 0)
            return Reject(SkipReason.EmptyBox);
        var clipped = box.Clip(width, height);
        if (clipped.Width <= 0 || clipped.Height <= 0)
            return Reject(SkipReason.BoxOutsideImage);
        var seen = image.Transform.ToInput(clipped).Clip(image.Width, image.Height);
        if (seen.Width <= 0 || seen.Height <= 0)
            return Reject(SkipReason.BoxCroppedAway);
        if (clipped != box)
            Reject(BoxClipped);
        return clipped;

        BoundingBox? Reject(string reason)
        {
            repaired[reason] = repaired.GetValueOrDefault(reason) + 1;
            return null;
        }
    }

    /// <summary>Code for a box of which a part lies outside the image. The part inside counts.</summary>
    public const string BoxClipped = "box-clipped";
}
