using AgCam.Evaluation.Datasets.Masks;
using AgCam.Heatmaps;

namespace AgCam.Evaluation.Datasets;

/// <summary>An image of a dataset with what a person said about it.</summary>
/// <param name="Key">Names it in every shard: the path below the dataset, with the class behind it where one image stands for
/// several.</param>
/// <param name="Path">As it can be opened.</param>
public sealed record Sample(string Key, string Path)
{
    /// <summary>Class index, name or WordNet id as the dataset states it; null where it states none.</summary>
    public string? Label { get; init; }

    /// <summary>What the model may call the same class; tried when it does not know the label.</summary>
    public IReadOnlyList<string> OtherNames { get; init; } = [];

    /// <summary>The class index by the dataset's own order: for a model without class names.</summary>
    public int? Index { get; init; }

    /// <summary>Around the objects of that class, in original pixels, as stated: they may lie anywhere.</summary>
    public IReadOnlyList<BoundingBox> Boxes { get; init; } = [];

    /// <summary>Of the objects of that class; empty where the dataset has none.</summary>
    public IReadOnlyList<ObjectMask> Masks { get; init; } = [];

    /// <summary>Why there are no boxes, one of <see cref="SkipReason"/>; null where there are some.</summary>
    public string? WithoutBoxes { get; init; }

    /// <summary>Why the image cannot be evaluated at all; null where it can.</summary>
    public string? Unusable { get; init; }
}

/// <summary>Why an image does not count, besides the reasons of a failed image. The codes are stored: never rename one.</summary>
public static class SkipReason
{
    public const string NoLabel = "no-label";
    public const string UnknownLabel = "unknown-label";

    /// <summary>The dataset says nothing of boxes for the image.</summary>
    public const string NoBoxes = "no-boxes";

    /// <summary>It has an annotation with no box in it.</summary>
    public const string EmptyAnnotation = "empty-annotation";

    /// <summary>The annotation cannot be read.</summary>
    public const string BrokenAnnotation = "broken-annotation";

    /// <summary>The dataset has no mask of the image's object.</summary>
    public const string NoMask = "no-mask";

    /// <summary>A mask is not there, cannot be read, or does not fit the image.</summary>
    public const string BrokenMask = "broken-mask";

    /// <summary>Preprocessing leaves nothing of the mask, or it marks no pixel.</summary>
    public const string EmptyMask = "empty-mask";

    public const string BoxOutsideImage = "box-outside-image";

    /// <summary>A box without width or height.</summary>
    public const string EmptyBox = "empty-box";

    /// <summary>Preprocessing cuts every box off.</summary>
    public const string BoxCroppedAway = "box-cropped-away";

    /// <summary>The dataset lists the image a second time.</summary>
    public const string ListedTwice = "listed-twice";

    /// <summary>None was given for the image.</summary>
    public const string NoHeatmap = "no-heatmap";
}

/// <summary>A dataset cannot be read. The caller must act; the message says how.</summary>
public sealed class DatasetException(string message, Exception? inner = null) : Exception(message, inner);
