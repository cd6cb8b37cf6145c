namespace AgCam.Evaluation.Metrics;

public static class Median
{
    /// <returns>The middle value, or the mean of the two middle values.</returns>
    public static double Of(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
