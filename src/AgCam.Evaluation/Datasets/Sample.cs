using AgCam.Evaluation.Datasets.Masks;
using AgCam.Heatmaps;

namespace AgCam.Evaluation.Datasets;

/// <summary>An image of a dataset with its annotations.</summary>
/// <param name="Key">Unique name in all shards: the path below the dataset. The class follows where an image gives several samples.</param>
/// <param name="Path">Path that can be opened.</param>
public sealed record Sample(string Key, string Path)
{
    /// <summary>Class index, name or WordNet id as the dataset states it; null where it states none.</summary>
    public string? Label { get; init; }

    /// <summary>Other names of the class, tried when the model does not know the label.</summary>
    public IReadOnlyList<string> OtherNames { get; init; } = [];

    /// <summary>Class index in the dataset's order, for a model without class names.</summary>
    public int? Index { get; init; }

    /// <summary>Boxes of the class's objects in original pixels as stated. They may exceed the image.</summary>
    public IReadOnlyList<BoundingBox> Boxes { get; init; } = [];

    /// <summary>Masks of the class's objects. Empty where the dataset has none.</summary>
    public IReadOnlyList<ObjectMask> Masks { get; init; } = [];

    /// <summary>Reason why there are no boxes, one of <see cref="SkipReason"/>; null where there are some.</summary>
    public string? WithoutBoxes { get; init; }

    /// <summary>Reason why the image cannot be evaluated; null where it can.</summary>
    public string? Unusable { get; init; }
}

/// <summary>Codes for images that are not evaluated, besides the codes of failed images. The codes are stored: never rename one.</summary>
public static class SkipReason
{
    public const string NoLabel = "no-label";
    public const string UnknownLabel = "unknown-label";

    /// <summary>The dataset has no box annotation for the image.</summary>
    public const string NoBoxes = "no-boxes";

    /// <summary>The annotation has no box.</summary>
    public const string EmptyAnnotation = "empty-annotation";

    /// <summary>The annotation cannot be read.</summary>
    public const string BrokenAnnotation = "broken-annotation";

    /// <summary>The dataset has no mask of the image's object.</summary>
    public const string NoMask = "no-mask";

    /// <summary>A mask is missing, unreadable, or does not fit the image.</summary>
    public const string BrokenMask = "broken-mask";

    /// <summary>The mask marks no pixel of the model's input.</summary>
    public const string EmptyMask = "empty-mask";

    public const string BoxOutsideImage = "box-outside-image";

    /// <summary>A box without width or height.</summary>
    public const string EmptyBox = "empty-box";

    /// <summary>Preprocessing crops every box away.</summary>
    public const string BoxCroppedAway = "box-cropped-away";

    /// <summary>The dataset lists the image a second time.</summary>
    public const string ListedTwice = "listed-twice";

    /// <summary>No heatmap was given for the image.</summary>
    public const string NoHeatmap = "no-heatmap";
}

/// <summary>A dataset cannot be read. The message names the next step for the operator.</summary>
public sealed class DatasetException(string message, Exception? inner = null) : Exception(message, inner);
