using System.Globalization;
using AgCam.Evaluation;

namespace AgCam.Cli.Evaluating;

/// <summary>Writes a line for each method and metric, for a spreadsheet.</summary>
internal static class ResultCsv
{
    public static void Write(TextWriter to, IReadOnlyList<MethodSummary> methods)
    {
        to.Write("method,metric,mean,low,high,images,difference,difference_low,difference_high\n");
        foreach (var method in methods)
        foreach (var metric in method.Metrics)
        {
            var (value, difference) = (metric.Value, metric.Difference);
            to.Write(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{method.Name},{metric.Metric.Name},{value.Mean:R},{value.Low:R},{value.High:R},{metric.Count},"
                        + $"{difference?.Mean:R},{difference?.Low:R},{difference?.High:R}\n"
                )
            );
        }
    }
}
