using System.Globalization;
using AgCam.Audit.Comparison;
using AgCam.Audit.Gates;
using AgCam.Cli.Terminal;
using AgCam.Evaluation.Metrics;

namespace AgCam.Cli.Comparing;

/// <summary>A comparison as a person reads it, at most 80 columns wide where paths allow.</summary>
internal sealed class CompareText(ComparisonReport report, IReadOnlyList<GateOutcome> gates, string? folder)
{
    private const int Columns = 80;
    private const int Listed = 5;

    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    public void Write(TextWriter to)
    {
        Job(to, "A", report.A);
        Job(to, "B", report.B);
        Wrapped(
            to,
            string.Create(Culture, $"{report.Shared:N0} images in both, by the SHA-256 of their bytes; ")
                + string.Create(Culture, $"{report.OnlyA:N0} only in A, {report.OnlyB:N0} only in B.")
        );
        foreach (var note in report.Notes)
            Wrapped(to, Screen.Printable(note));
        Metrics(to);
        Classes(to);
        Images(to);
        to.WriteLine();
        foreach (var gate in gates)
            Wrapped(to, $"Gate {(gate.IsViolated ? "violated" : "passed")}: {gate.Text}.");
        Wrapped(to, Intervals());
        if (folder is null)
            to.WriteLine("Next: --out DIR writes a report with pictures, and all numbers.");
        else
            Wrapped(to, $"Next: open {Path.Combine(folder, "report.html")}; all numbers are in compare.json.");
    }

    private string Intervals() =>
        report.Mode == ComparisonMode.Paired
            ? string.Create(
                Culture,
                $"Intervals are 95 %: {Bootstrap.Default.Resamples:N0} resamples of the images with seed {Bootstrap.Default.Seed}; "
            ) + "Wilson's and Newcombe's for shares. detects is the smallest change that so many images show with 80 % power."
            : "Drift is the energy distance as a share: 0 for one distribution, at most 1. by chance is what 95 % of "
                + string.Create(Culture, $"{EnergyDistance.Permutations} random splits stay below. Intervals are 95 %, seed ")
                + string.Create(
                    Culture,
                    $"{Bootstrap.Default.Seed}. detects is the smallest drift that so many images show with 80 % power."
                );

    private static void Job(TextWriter to, string side, ComparedJob job) =>
        Wrapped(
            to,
            string.Create(Culture, $"{side}  {job.Job.ToString()[..18]}  {Screen.Printable(job.Model)}, {job.Method}, {job.Dtype}: ")
                + string.Create(Culture, $"{job.Images:N0} images")
        );

    private void Metrics(TextWriter to)
    {
        var isDrift = report.Mode == ComparisonMode.Drift;
        to.WriteLine();
        to.WriteLine($"{"", -24}{"value", 7}  {"interval", -17}{"n", 7}{"detects", 9}" + (isDrift ? $"{"by chance", 11}" : ""));
        foreach (var metric in report.Metrics.Where(metric => metric.Value is not null))
            to.WriteLine(
                (
                    $"{metric.Name, -24}{Number(metric.Value!.Value.Mean), 7}  {Range(metric.Value.Value), -17}"
                    + $"{metric.Count.ToString("N0", Culture), 7}{Number(metric.SmallestChange), 9}"
                    + (isDrift ? $"{Number(metric.ByChance), 11}" : "")
                ).TrimEnd()
            );
        foreach (var metric in report.Metrics.Where(metric => metric.PValue is < 0.05 && metric.Value!.Value.Mean > metric.ByChance))
            Wrapped(to, $"{metric.Name}: more than by chance, p {Number(metric.PValue)} ({metric.Meaning}).");
        foreach (var metric in report.Metrics.Where(metric => metric.Value is not null && metric.Change is not null))
            Wrapped(
                to,
                metric.Name == "accuracy"
                    ? $"accuracy of A is {Number(metric.Baseline)}; the change is {Signed(metric.Change!.Value)}."
                    : $"{metric.Name}: floor {Number(metric.Baseline)} (maps of different images)"
                        + (metric.Ceiling is { } ceiling ? $", ceiling {Number(ceiling)} (mirrored images)" : "")
                        + $"; {Signed(metric.Change!.Value)} above the floor."
            );
        foreach (var missing in report.Metrics.Where(metric => metric.Value is null).GroupBy(metric => metric.Missing))
            Wrapped(to, $"Not measured: {string.Join(", ", missing.Select(metric => metric.Name))}: {missing.Key}.");
    }

    private void Classes(TextWriter to)
    {
        if (report.Classes.Count < 2)
            return;
        (string Name, string Heading)[] columns =
            report.Mode == ComparisonMode.Paired
                ?
                [
                    ("spearman", "spearman"),
                    ("prediction-agreement", "agree"),
                    ("accuracy-a", "acc. A"),
                    ("accuracy-b", "acc. B"),
                    ("negative-flip-rate", "neg. flips"),
                ]
                :
                [
                    ("embedding-drift", "embedding"),
                    ("embedding-drift-q", "q"),
                    ("map-drift", "map"),
                    ("map-drift-q", "q"),
                    ("accuracy-b", "acc. B"),
                ];
        to.WriteLine();
        to.WriteLine($"{"class", -18}{"n", 7}{string.Concat(columns.Select(column => $"{column.Heading, 11}"))}");
        foreach (var row in report.Classes.Take(Listed))
            to.WriteLine(
                (
                    $"{TextTable.Start(Screen.Printable(row.Name), 17), -18}{row.Images.ToString("N0", Culture), 7}"
                    + string.Concat(columns.Select(column => $"{Value(row, column.Name), 11}"))
                ).TrimEnd()
            );
        if (report.Classes.Count > Listed)
            to.WriteLine(string.Create(Culture, $"... and {report.Classes.Count - Listed:N0} more classes"));
        if (report.Mode == ComparisonMode.Drift)
            Wrapped(to, "q is the p-value adjusted for the number of classes (Benjamini and Hochberg).");
    }

    private void Images(TextWriter to)
    {
        if (report.Changed.Count == 0)
            return;
        to.WriteLine();
        to.WriteLine("The maps that differ most, with spearman:");
        foreach (var image in report.Changed.Take(Listed))
        {
            to.WriteLine($"{Number(image.Similarity[0]), 8}  {Screen.Printable(image.A.Uri)}");
            if (image.A.Predicted != image.B.Predicted)
                Wrapped(
                    to,
                    $"A predicts {Screen.Printable(image.A.Predicted ?? "")}, B {Screen.Printable(image.B.Predicted ?? "")}"
                        + (image.IsNegativeFlip ? ": a negative flip" : ""),
                    10
                );
        }
    }

    private static string Value(ComparedClass row, string name) => row.Values.TryGetValue(name, out var value) ? Number(value) : "";

    private static string Number(double? value) => value is { } number ? number.ToString("0.000;-0.000;0.000", Culture) : "";

    private static string Range(Interval interval) => $"{Number(interval.Low)} to {Number(interval.High)}";

    private static string Signed(Interval interval) =>
        string.Create(
            Culture,
            $"{interval.Mean:+0.000;-0.000;0.000} ({interval.Low:+0.000;-0.000;0.000} to {interval.High:+0.000;-0.000;0.000})"
        );

    private static void Wrapped(TextWriter to, string text, int indent = 0) =>
        to.WriteLine(new string(' ', indent) + Field.Wrapped(text, Columns, indent));
}
