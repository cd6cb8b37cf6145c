using AgCam.Heatmaps;

namespace AgCam.Evaluation.Metrics;

/// <summary>
/// The five localisation scores of the AG-CAM paper for one image, each in [0, 1]. They compare the union of predicted boxes with the union
/// of ground-truth boxes, pixel by pixel at the model's input size.
/// </summary>
public readonly record struct LocalizationScores(double PixelAccuracy, double Iou, double Dice, double Precision, double Recall)
{
    private const double Epsilon = 1e-5;

    /// <summary>Counts a pixel as inside a box when its centre is inside.</summary>
    /// <param name="predicted">In input pixels.</param>
    /// <param name="groundTruth">In input pixels, not rounded.</param>
    /// <returns>NaN where a score is undefined: precision without a predicted pixel, recall without a true one.</returns>
    public static LocalizationScores Measure(
        IEnumerable<BoundingBox> predicted,
        IEnumerable<BoundingBox> groundTruth,
        (int Width, int Height) input
    )
    {
        var (said, truth) = (new bool[input.Width * input.Height], new bool[input.Width * input.Height]);
        foreach (var (mask, box) in predicted.Select(box => (said, box)).Concat(groundTruth.Select(box => (truth, box))))
            Fill(mask, input, FirstPixel(box.X), FirstPixel(box.Y), FirstPixel(box.Right) - 1, FirstPixel(box.Bottom) - 1);
        var (truePositive, falsePositive, falseNegative) = Count(said, truth);
        return Exact(truePositive, falsePositive, falseNegative, said.Length);
    }

    /// <summary>Computes the scores from pixel counts. NaN where a score is undefined.</summary>
    public static LocalizationScores Exact(long truePositive, long falsePositive, long falseNegative, long all)
    {
        double wrong = falsePositive + falseNegative;
        return new LocalizationScores(
            PixelAccuracy: (all - wrong) / all,
            Iou: truePositive / (truePositive + wrong),
            Dice: 2 * truePositive / (2 * truePositive + wrong),
            Precision: (double)truePositive / (truePositive + falsePositive),
            Recall: (double)truePositive / (truePositive + falseNegative)
        );
    }

    /// <summary>
    /// Follows the authors' code. A box is filled up to and including x + width and y + height, one pixel more than it covers. Ground-truth
    /// corners are truncated to whole input pixels. Parts outside the image are ignored.
    /// </summary>
    /// <param name="predicted">In input pixels.</param>
    /// <param name="groundTruth">In pixels of the original image, which was squashed to the input size.</param>
    public static LocalizationScores Paper(
        IEnumerable<BoundingBox> predicted,
        IEnumerable<BoundingBox> groundTruth,
        (int Width, int Height) image,
        (int Width, int Height) input
    )
    {
        var (said, truth) = (new bool[input.Width * input.Height], new bool[input.Width * input.Height]);
        foreach (var box in predicted)
            Fill(said, input, (int)box.X, (int)box.Y, (int)box.Right, (int)box.Bottom);
        foreach (var box in groundTruth)
            Fill(
                truth,
                input,
                Scale(box.X, image.Width, input.Width),
                Scale(box.Y, image.Height, input.Height),
                Scale(box.Right, image.Width, input.Width),
                Scale(box.Bottom, image.Height, input.Height)
            );

        var (truePositive, falsePositive, falseNegative) = Count(said, truth);
        return Of(truePositive, falsePositive, falseNegative, said.Length);
    }

    /// <summary>Computes the paper's scores from pixel counts.</summary>
    public static LocalizationScores Of(long truePositive, long falsePositive, long falseNegative, long all)
    {
        var wrong = falsePositive + falseNegative;
        return new LocalizationScores(
            PixelAccuracy: (all - wrong + Epsilon) / (all + Epsilon),
            Iou: (truePositive + Epsilon) / (truePositive + wrong + Epsilon),
            Dice: (2 * truePositive + Epsilon) / (2 * truePositive + wrong + Epsilon),
            Precision: (truePositive + Epsilon) / (truePositive + falsePositive + Epsilon),
            Recall: (truePositive + Epsilon) / (truePositive + falseNegative + Epsilon)
        );
    }

    private static (int TruePositive, int FalsePositive, int FalseNegative) Count(bool[] said, bool[] truth)
    {
        var (truePositive, falsePositive, falseNegative) = (0, 0, 0);
        for (var i = 0; i < said.Length; i++)
        {
            if (said[i] && truth[i])
                truePositive++;
            else if (said[i])
                falsePositive++;
            else if (truth[i])
                falseNegative++;
        }

        return (truePositive, falsePositive, falseNegative);
    }

    /// <summary>Returns the first pixel whose centre is at or after this edge.</summary>
    private static int FirstPixel(double edge) => (int)Math.Ceiling(edge - 0.5);

    private static int Scale(double corner, int from, int to) => (int)(corner / from * to);

    private static void Fill(bool[] mask, (int Width, int Height) size, int left, int top, int right, int bottom)
    {
        (left, top) = (Math.Max(left, 0), Math.Max(top, 0));
        (right, bottom) = (Math.Min(right, size.Width - 1), Math.Min(bottom, size.Height - 1));
        if (right < left)
            return;
        for (var y = top; y <= bottom; y++)
            mask.AsSpan(y * size.Width + left, right - left + 1).Fill(true);
    }
}
