using System.Globalization;
using AgCam.Evaluation.Datasets;
using AgCam.Heatmaps;

namespace AgCam.Audit.Findings;

/// <summary>
/// Finds annotations that cannot be right: a box without width or height, a box outside the picture, two boxes of one class at one place,
/// and images without boxes in a dataset that has them. The score depends only on the kind of the worst fault.
/// </summary>
public sealed class AnnotationFinding : ImageFinding
{
    private const double Unreadable = 0;
    private const double Empty = 0.1;
    private const double Outside = 0.2;
    private const double Missing = 0.3;
    private const double Twice = 0.4;
    private const double PartlyOutside = 0.5;
    private const double SameIou = 0.9;
    private const double Tolerance = 1; // pixels, because some tools count from 1 and some round

    private bool _hasBoxes;

    public override string Name => "annotation";

    public override string Needs => "boxes";

    public override double Threshold => 1;

    public override string Rule =>
        "a box has no width or height, lies more than 1 pixel outside the picture, or has an IoU of at least 0.9 with a box of the same "
        + "class; or the image has no readable boxes, where others have some";

    public override void Fit(AuditRow row) => _hasBoxes |= row.Objects is { Boxes.Count: > 0 };

    public override void Merge(Finding other) => _hasBoxes |= ((AnnotationFinding)other)._hasBoxes;

    public override ImageScore? Score(AuditRow row)
    {
        if (!_hasBoxes || row.Objects is null)
            return null;
        var score = Worst(row)?.Score ?? 1;
        return new ImageScore(score, score < Threshold);
    }

    public override string Explain(AuditRow row, ClassNames classes) => Worst(row)?.Reason ?? "no fault of the boxes is known";

    /// <summary>Returns the worst fault; the first of equal ones. Null when there is none.</summary>
    private static (double Score, string Reason)? Worst(AuditRow row)
    {
        var faults = Faults(row.Objects!, row.Picture is { } picture ? (picture.Width, picture.Height) : null);
        return faults.Cast<(double Score, string Reason)?>().MinBy(fault => fault!.Value.Score);
    }

    private static IEnumerable<(double Score, string Reason)> Faults(Annotation annotation, (int Width, int Height)? picture)
    {
        var boxes = annotation.Boxes;
        if (annotation.WithoutBoxes == SkipReason.BrokenAnnotation)
            yield return (Unreadable, "the annotation cannot be read");
        else if (boxes.Count == 0)
            yield return (Missing, "the image has no boxes; other images have some");
        for (var i = 0; i < boxes.Count; i++)
        {
            var box = boxes[i].Box;
            if (!(box.Width > 0 && box.Height > 0))
                yield return (Empty, $"{Named(i)} has no {(box.Width > 0 ? "height" : "width")}");
            else if (picture is { } size && Excess(box, size) > Tolerance)
                yield return box.Clip(size.Width, size.Height).Area > 0
                    ? (PartlyOutside, $"{Named(i)} reaches {Text(Excess(box, size))} pixels beyond the picture, which has {Pixels(size)}")
                    : (Outside, $"{Named(i)} lies outside the picture, which has {Pixels(size)}");
            for (var j = 0; j < i; j++)
                if (boxes[j].Class == boxes[i].Class && boxes[j].Box.Iou(box) is >= SameIou and var iou)
                    yield return (Twice, $"{Named(i)} covers box {j + 1} of the same class (IoU {Text(iou)})");
        }

        string Named(int index)
        {
            var ((name, box), text) = (boxes[index], $"box {index + 1}");
            return $"{text}{(name is null ? "" : $" ({name})")} at [{Text(box.X)}, {Text(box.Y)}, {Text(box.Width)}, {Text(box.Height)}]";
        }
    }

    /// <summary>Returns the pixels by which a box reaches beyond the picture.</summary>
    private static double Excess(BoundingBox box, (int Width, int Height) picture) =>
        Math.Max(Math.Max(-box.X, -box.Y), Math.Max(box.Right - picture.Width, box.Bottom - picture.Height));

    private static string Pixels((int Width, int Height) picture) => $"{picture.Width} x {picture.Height}";

    private static string Text(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);
}
