using AgCam.Heatmaps;

namespace AgCam.Metrics;

/// <summary>
/// Insertion and deletion (RISE, Petsiuk et al. 2018). Deletion: the probability of the class while the hottest pixels are set to zero,
/// low area
/// is good. Insertion: while they appear in a blurred picture, high area is good.
/// </summary>
/// <param name="Removed">The share of the pixels changed at each step, from 0 to 1.</param>
/// <param name="Deletion">Probability at each step.</param>
/// <param name="Insertion">Probability at each step.</param>
public sealed record InsertionDeletion(IReadOnlyList<double> Removed, IReadOnlyList<double> Deletion, IReadOnlyList<double> Insertion)
{
    /// <summary>Trapezoid rule, in [0, 1].</summary>
    public double DeletionAuc => Area(Deletion);

    /// <summary>Trapezoid rule, in [0, 1].</summary>
    public double InsertionAuc => Area(Insertion);

    /// <param name="image">[channels, rows, columns], normalised as the model takes it.</param>
    /// <param name="map">The heatmap of the class, upsampled to the image's size and normalised.</param>
    /// <param name="probabilities">The model: a batch of pictures to the class's softmax probability of each.</param>
    /// <param name="pixelsPerStep">0: one row's worth, as RISE takes.</param>
    /// <param name="batch">Largest batch handed to the model.</param>
    /// <exception cref="ArgumentException">Sizes differ, or the map is flat and gives no order.</exception>
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

/// <summary>What happens to the model's confidence when it sees only what the heatmap shows (Chattopadhay et al. 2018).</summary>
public static class Confidence
{
    /// <summary>The picture times the normalised heatmap: [channels, rows, columns].</summary>
    public static float[] Keep(float[] image, int channels, Heatmap map)
    {
        MaskedImage.Check(image, channels, map);
        return MaskedImage.Times(image, channels, map);
    }

    /// <summary>How much of the probability is lost, in [0, 1]; low is good. The mean over images is "average drop".</summary>
    /// <returns>NaN when there was none to lose.</returns>
    public static double Drop(double before, double after) => before > 0 ? Math.Max(0, before - after) / before : double.NaN;

    /// <summary>1 when the probability grew, else 0; high is good. The mean over images is "increase in confidence".</summary>
    public static double Increase(double before, double after) => after > before ? 1 : 0;
}
