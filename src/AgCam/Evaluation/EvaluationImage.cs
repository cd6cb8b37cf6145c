using AgCam.Evaluation.Datasets;
using AgCam.Evaluation.Datasets.Masks;
using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Preprocessing;

namespace AgCam.Evaluation;

/// <summary>A sample that was read and checked: ready for the model, or with the reason why it does not count.</summary>
public sealed record EvaluationImage(Sample Sample)
{
    /// <summary>Why the image does not count at all; null where it does.</summary>
    public string? Skipped { get; private init; }

    /// <summary>Class index; null where the sample has no label that the model knows.</summary>
    public int? Label { get; private init; }

    /// <summary>Class index to explain, for an image that counts.</summary>
    public int Target => Label ?? throw new InvalidOperationException($"{Sample.Key} has no class: {Skipped}.");

    /// <summary>The model's input.</summary>
    public PreparedImage? Prepared { get; private init; }

    /// <summary>Ground truth in original pixels, clipped to the picture. Empty where there is none to be had.</summary>
    public IReadOnlyList<BoundingBox> Boxes { get; private init; } = [];

    /// <summary>Why there are none.</summary>
    public string? WithoutBoxes { get; private init; }

    /// <summary>At the model's input size; null where there is none to be had, or no metric asks for it.</summary>
    public MaskPixel[]? Mask { get; private init; }

    /// <summary>Why there is none, where a metric asks for it.</summary>
    public string? WithoutMask { get; private init; }

    /// <summary>How many boxes were put right or left out, by reason, of an image that counts.</summary>
    public IReadOnlyDictionary<string, int> Repaired { get; private init; } = new Dictionary<string, int>();

    /// <summary>May run on any thread.</summary>
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
        var hopeless = options.NeedsObjects && (sample.Masks.Count == 0 || !options.Has(MetricFamily.Masks));
        if (sample.Label is null)
            return image with { Skipped = sample.WithoutBoxes is { } why && hopeless ? why : SkipReason.NoLabel };
        if (image.Label is null)
            return image with { Skipped = SkipReason.UnknownLabel };
        if (sample.WithoutBoxes is { } without && hopeless)
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
        var (mask, noMask) = options.Has(MetricFamily.Masks) ? MaskOf(sample, prepared, limits, files) : (null, null);
        var measurable = (reason is null && options.UsesBoxes) || mask is not null;
        return options.NeedsObjects && !measurable
            ? image with
            {
                Skipped = options.UsesBoxes ? reason : noMask,
            }
            : image with
            {
                Prepared = prepared,
                Boxes = boxes,
                WithoutBoxes = reason,
                Mask = mask,
                WithoutMask = noMask,
                Repaired = repaired,
            };
    }

    /// <summary>
    /// By the label, by another name of it, or, for a model without names, by the dataset's own order; null where the model has no
    /// such class.
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
            return Out(SkipReason.EmptyBox);
        var clipped = box.Clip(width, height);
        if (clipped.Width <= 0 || clipped.Height <= 0)
            return Out(SkipReason.BoxOutsideImage);
        var seen = image.Transform.ToInput(clipped).Clip(image.Width, image.Height);
        if (seen.Width <= 0 || seen.Height <= 0)
            return Out(SkipReason.BoxCroppedAway);
        if (clipped != box)
            Out(BoxClipped);
        return clipped;

        BoundingBox? Out(string reason)
        {
            repaired[reason] = repaired.GetValueOrDefault(reason) + 1;
            return null;
        }
    }

    /// <summary>A part of the box lies outside the picture; the part inside counts.</summary>
    public const string BoxClipped = "box-clipped";
}
