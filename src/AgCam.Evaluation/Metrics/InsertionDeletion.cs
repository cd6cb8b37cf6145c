using AgCam.Heatmaps;

namespace AgCam.Evaluation.Metrics;

/// <summary>
/// Insertion and deletion (RISE, Petsiuk et al. 2018). Deletion sets the hottest pixels to zero: a low area is good. Insertion reveals the
/// hottest pixels on a blurred image: a high area is good.
/// </summary>
/// <param name="Removed">Share of the pixels that are changed at each step, from 0 to 1.</param>
/// <param name="Deletion">Probability of the class at each step.</param>
/// <param name="Insertion">Probability of the class at each step.</param>
public sealed record InsertionDeletion(IReadOnlyList<double> Removed, IReadOnlyList<double> Deletion, IReadOnlyList<double> Insertion)
{
    /// <summary>Area under <see cref="Deletion"/> by the trapezoid rule, in [0, 1].</summary>
    public double DeletionAuc => Area(Deletion);

    /// <summary>Area under <see cref="Insertion"/> by the trapezoid rule, in [0, 1].</summary>
    public double InsertionAuc => Area(Insertion);

    /// <param name="image">[channels, rows, columns], normalised as the model's input.</param>
    /// <param name="map">Heatmap of the class, normalised and upsampled to the image's size.</param>
    /// <param name="probabilities">Model: maps a batch of images to the softmax probability of the class for each.</param>
    /// <param name="pixelsPerStep">Pixels changed per step. 0: one row, as in RISE.</param>
    /// <param name="batch">Maximum number of images per call of the model.</param>
    /// <exception cref="ArgumentException">The sizes differ, or the map is flat and so gives no order.</exception>
    public static InsertionDeletion Measure(
        float[] image,
        int channels,
        Heatmap map,
        Func<float[][], float[]> probabilities,
        int pixelsPerStep = 0,
        int batch = 32
    )
    {
        MaskedImage.Check(image, channels, map);
        var order = PixelOrder.HottestFirst(map);
        var step = pixelsPerStep > 0 ? pixelsPerStep : map.Columns;
        int[] counts = [.. Enumerable.Range(0, (order.Length + step - 1) / step).Select(i => i * step), order.Length];
        var blurred = GaussianBlur.Apply(image, channels, map.Rows, map.Columns);
        return new InsertionDeletion(
            [.. counts.Select(count => (double)count / order.Length)],
            Curve(count => MaskedImage.Without(image, channels, order.AsSpan(0, count))),
            Curve(count => MaskedImage.With(blurred, image, channels, order.AsSpan(0, count)))
        );

        double[] Curve(Func<int, float[]> picture) =>
            [.. counts.Chunk(batch).SelectMany(part => probabilities([.. part.Select(picture)])).Select(p => (double)p)];
    }

    private double Area(IReadOnlyList<double> curve)
    {
        var area = 0.0;
        for (var i = 1; i < curve.Count; i++)
            area += (Removed[i] - Removed[i - 1]) * (curve[i] + curve[i - 1]) / 2;
        return area;
    }
}

/// <summary>Change of the class probability when the model sees only what the heatmap highlights (Chattopadhay et al. 2018).</summary>
public static class Confidence
{
    /// <summary>Returns the image times the normalised heatmap: [channels, rows, columns].</summary>
    public static float[] Keep(float[] image, int channels, Heatmap map)
    {
        MaskedImage.Check(image, channels, map);
        return MaskedImage.Times(image, channels, map);
    }

    /// <summary>Returns the lost share of the probability, in [0, 1]; low is good. Its mean over images is "average drop".</summary>
    /// <returns>NaN when the probability was zero before.</returns>
    public static double Drop(double before, double after) => before > 0 ? Math.Max(0, before - after) / before : double.NaN;

    /// <summary>Returns 1 when the probability grew, else 0; high is good. Its mean over images is "increase in confidence".</summary>
    public static double Increase(double before, double after) => after > before ? 1 : 0;
}
