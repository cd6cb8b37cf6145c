namespace AgCam.Audit.Findings;

/// <summary>Controls the false discovery rate of many tests (Benjamini and Hochberg 1995).</summary>
internal static class FalseDiscovery
{
    /// <summary>Returns the largest p-value that is accepted; negative when none is.</summary>
    /// <param name="values">p-values of all tests. They are sorted in place.</param>
    /// <param name="rate">Expected share of false ones among the accepted.</param>
    public static double Limit(double[] values, double rate)
    {
        Array.Sort(values);
        var limit = -1.0;
        for (var i = 0; i < values.Length; i++)
            if (values[i] <= rate * (i + 1) / values.Length)
                limit = values[i];
        return limit;
    }
}
