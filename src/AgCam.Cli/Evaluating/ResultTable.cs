using System.Globalization;
using AgCam.Cli.Terminal;
using AgCam.Evaluation;
using AgCam.Evaluation.Metrics;
using AgCam.Evaluation.Presets;

namespace AgCam.Cli.Evaluating;

/// <summary>
/// The evaluation as a person reads it: a table for each family of metrics, a line for each method, every mean with its interval.
/// </summary>
internal sealed class ResultTable(EvaluationTables tables, IReadOnlyList<MethodSummary> methods, PublishedNumbers? published = null)
{
    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    /// <param name="width">Columns of the tables.</param>
    public void Write(CommandConsole console, int width)
    {
        var to = console.Output;
        to.WriteLine(
            string.Create(
                Culture,
                $"{tables.Evaluated:N0} of {tables.Images:N0} images evaluated with {tables.Header.Model}; "
                    + $"{tables.Evaluated - tables.Misclassified:N0} classified correctly"
            )
        );
        Reasons(to, "skipped", tables.Skipped);
        Reasons(to, "without usable boxes", tables.WithoutBoxes);
        Reasons(to, "without a usable mask", tables.WithoutMask);
        Reasons(to, "boxes clipped or dropped", tables.Repaired);
        foreach (var method in methods)
            Reasons(to, $"maps of {method.Name} without information", method.Skipped);
        foreach (var family in tables.Header.Metrics)
        foreach (
            var part in Metric
                .Of([family])
                .Where(metric => methods.Any(method => Find(method, metric) is not null))
                .Chunk(Math.Max(1, (width - NameWidth) / (CellWidth + 2)))
        )
            Write(to, part);
        Published(to);
        to.WriteLine();
        if (tables.Header.Preset is { } preset)
        {
            to.WriteLine($"{preset}{(tables.Header.Deviations.Count == 0 ? ", without deviations." : ", with deviations:")}");
            foreach (var deviation in tables.Header.Deviations)
                to.WriteLine($"  {deviation}");
        }

        var differ = methods.Any(method => method.Metrics.Any(metric => metric.Differs));
        var mark = differ ? $" * the paired difference from {tables.Reference} excludes zero." : "";
        to.WriteLine(Wrapped($"Means with 95 % bootstrap intervals.{mark} +: higher is better, -: lower.", console));
        if (tables.Header.Parity == Parity.Paper)
            to.WriteLine("Localisation scores and perturbation areas use the arithmetic of the paper's authors.");
        if (tables.Header.Metrics.Contains(MetricFamily.Localization))
            to.WriteLine(Wrapped(Thresholds(), console));
    }

    private static string Wrapped(string text, CommandConsole console) => Field.Wrapped(text, console.Width, indent: 0);

    private string Thresholds()
    {
        var chosen = methods
            .Where(method => method.MaxBoxAccThreshold is not null)
            .Select(method => string.Create(Culture, $"{method.Name} {method.MaxBoxAccThreshold}"));
        return string.Create(
            Culture,
            $"Boxes at threshold {tables.Header.Threshold}; maxBoxAcc and maxBoxAccV2 take the best threshold for these images "
                + $"({string.Join(", ", chosen)})."
        );
    }

    private void Published(TextWriter to)
    {
        if (published is null)
            return;
        to.WriteLine();
        to.WriteLine($"Published ({published.Source}) beside measured");
        foreach (var number in published.Beside(methods))
            to.WriteLine(
                string.Create(Culture, $"{number.Method.PadRight(NameWidth)}  {number.Metric.Name, -CellWidth}{number.Value, 7:0.000}  ")
                    + (
                        number.Measured is { Value: var value }
                            ? Number(value) + (number.Value < value.Low || number.Value > value.High ? "  outside" : "")
                            : "not measured"
                    )
            );
    }

    private const int CellWidth = 20;

    private int NameWidth => methods.Max(method => method.Name.Length);

    private void Write(TextWriter to, Metric[] metrics)
    {
        to.WriteLine();
        to.WriteLine(("".PadRight(NameWidth) + string.Concat(metrics.Select(metric => "  " + Head(metric).PadRight(CellWidth)))).TrimEnd());
        foreach (var method in methods)
            to.WriteLine(
                (
                    method.Name.PadRight(NameWidth)
                    + string.Concat(metrics.Select(metric => "  " + Cell(Find(method, metric)).PadRight(CellWidth)))
                ).TrimEnd()
            );
    }

    private string Head(Metric metric)
    {
        int[] counts = [.. methods.Select(method => Find(method, metric)?.Count).OfType<int>().Distinct()];
        return $"{metric.Name} {(metric.HigherIsBetter ? '+' : '-')}" + (counts is [var item] ? string.Create(Culture, $" n={item}") : "");
    }

    private static MetricSummary? Find(MethodSummary method, Metric metric) =>
        method.Metrics.FirstOrDefault(found => found.Metric == metric);

    private static string Cell(MetricSummary? metric) => metric is null ? "n/a" : Number(metric.Value) + (metric.Differs ? "*" : "");

    private static string Number(Interval interval) =>
        string.Create(Culture, $"{interval.Mean:0.000} {interval.Low:0.000}..{interval.High:0.000}");

    private static void Reasons<T>(TextWriter to, string what, IReadOnlyDictionary<string, T> counts)
    {
        if (counts.Count > 0)
            to.WriteLine($"  {what}: {string.Join(", ", counts.Select(count => $"{count.Key} {count.Value}"))}");
    }
}
