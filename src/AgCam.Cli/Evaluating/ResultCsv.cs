using System.Globalization;
using AgCam.Evaluation;

namespace AgCam.Cli.Evaluating;

/// <summary>A line for each method and metric, for a spreadsheet.</summary>
internal static class ResultCsv
{
    public static void Write(TextWriter to, IReadOnlyList<MethodSummary> methods)
    {
        to.Write("method,metric,mean,low,high,images,difference,difference_low,difference_high\n");
        foreach (var method in methods)
        foreach (var metric in method.Metrics)
            to.Write(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{method.Name},{metric.Metric.Name},{metric.Value.Mean:R},{metric.Value.Low:R},{metric.Value.High:R},{metric.Count},{metric.Difference?.Mean:R},{metric.Difference?.Low:R},{metric.Difference?.High:R}\n"
                )
            );
    }
}
