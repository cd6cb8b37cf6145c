using System.Globalization;
using AgCam.Audit.Comparison;
using AgCam.Audit.Gates;
using AgCam.Cli.Evaluating;
using AgCam.Evaluation.Metrics;

namespace AgCam.Cli.Comparing;

/// <summary>
/// Writes a comparison as one HTML file that loads nothing. It prints in black and white: no meaning rests on a colour alone.
/// </summary>
/// <param name="date">Day of the comparison, UTC.</param>
internal sealed class ComparePage(
    ComparisonReport report,
    IReadOnlyList<GateOutcome> gates,
    IReadOnlyList<ChangedPicture> pictures,
    DateOnly date
)
{
    private static readonly (string Name, string Heading)[] ClassColumns =
    [
        ("spearman", "spearman"),
        ("ssim", "ssim"),
        ("top-overlap", "top overlap"),
        ("box-iou", "box IoU"),
        ("prediction-agreement", "agreement"),
        ("accuracy-a", "accuracy A"),
        ("accuracy-b", "accuracy B"),
        ("negative-flip-rate", "negative flips"),
    ];

    private static readonly (string Name, string Heading)[] DriftColumns =
    [
        ("embedding-drift", "embedding drift"),
        ("embedding-drift-q", "adjusted p"),
        ("map-drift", "map drift"),
        ("map-drift-q", "adjusted p"),
        ("accuracy-a", "accuracy A"),
        ("accuracy-b", "accuracy B"),
    ];

    private bool IsDrift => report.Mode == ComparisonMode.Drift;

    public void Write(TextWriter to)
    {
        to.WriteLine(Html.Head(IsDrift ? "Drift between two jobs" : "Two jobs, compared"));
        string[] sections =
        [
            Subject(),
            Gates(),
            Metrics(),
            Scale(),
            Classes(),
            .. pictures.GroupBy(p => p.Group).Select(Pictures),
            Protocol(),
        ];
        foreach (var section in sections.Where(section => section.Length > 0))
            to.WriteLine(section);
        to.WriteLine("</body>\n</html>");
    }

    private string Subject()
    {
        (string, string)[] facts =
        [
            ("A", Job(report.A)),
            ("B", Job(report.B)),
            (
                "images",
                $"{Html.Count(report.Shared)} in both, by SHA-256; {Html.Count(report.OnlyA)} only in A, "
                    + $"{Html.Count(report.OnlyB)} only in B"
            ),
            ("date", date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)),
            ("version", Html.Text($"agcam {Provenance.Software.Version}")),
        ];
        return Html.Definitions(facts) + "\n" + Html.Each(report.Notes, note => $"<p class=\"note\">{Html.Text(note)}</p>\n");
    }

    private static string Job(ComparedJob job) =>
        Html.Text($"{job.Model}, {job.Method}, {job.Dtype}; ") + $"{Html.Count(job.Images)} images; <code>{job.Job}</code>";

    private string Gates() =>
        gates.Count == 0
            ? ""
            : "<h2>Gates</h2>\n"
                + Html.Each(
                    gates,
                    gate =>
                        $"<p><b>{(gate.IsViolated ? "Violated" : "Passed")}</b> <code>{Html.Text(gate.Gate)}</code>: "
                        + $"{Html.Text(gate.Text)}</p>\n"
                );

    private string Metrics() =>
        "<h2>Measures</h2>\n"
        + Html.Table(
            ["measure", "value", .. IsDrift ? ["by chance", "p"] : new[] { "mean of classes" }, "images", "detectable change"],
            report
                .Metrics.Where(metric => metric.Value is not null)
                .Select(metric =>
                    new[] { $"{Html.Text(metric.Name)} {(metric.GreaterIsBetter ? '↑' : '↓')}", Value(metric.Value!.Value) }
                        .Concat(IsDrift ? [Number(metric.ByChance), Number(metric.PValue)] : [Number(metric.ClassMean)])
                        .Concat([Html.Count(metric.Count), Number(metric.SmallestChange)])
                        .Select(Html.Cell)
                )
        )
        + Html.Each(
            report.Metrics.Where(metric => metric.Value is null).GroupBy(metric => metric.Missing),
            missing =>
                $"\n<p class=\"note\">Not measured: {Html.Text(string.Join(", ", missing.Select(metric => metric.Name)))}: "
                + $"{Html.Text(missing.Key ?? "")}.</p>"
        )
        + "\n"
        + Html.Definitions(
            report
                .Metrics.Where(metric =>
                    metric.Value is not null && !metric.Name.EndsWith(PairedComparison.Calibrated, StringComparison.Ordinal)
                )
                .Select(metric => (metric.Name, Html.Text(metric.Meaning)))
        );

    private string Scale()
    {
        var rows = report.Metrics.Where(metric => metric.Value is not null && metric.Change is not null).ToList();
        if (rows.Count == 0)
            return "";
        if (IsDrift)
            return Html.Each(
                rows,
                metric =>
                    $"<p>The {Html.Text(metric.Name)} of A is {Number(metric.Baseline)}; the change to B is "
                    + $"{Html.Number(metric.Change!.Value.Mean)} ({Html.Interval(metric.Change.Value)}).</p>\n"
            );
        return "<h2>Against what could be expected</h2>\n"
            + "<p>The floor of a map measure is that of maps of different images by the same model; its ceiling that of the same model on "
            + "the mirrored image, with the map mirrored back. The baseline of accuracy is that of A.</p>\n"
            + Html.Table(
                ["measure", "value", "floor or baseline", "change from it", "ceiling", "from floor (0) to ceiling (1)"],
                rows.Select(metric =>
                    new[]
                    {
                        Html.Text(metric.Name),
                        Html.Number(metric.Value!.Value.Mean),
                        Number(metric.Baseline),
                        Value(metric.Change!.Value),
                        Number(metric.Ceiling),
                        OnScale(metric.Name),
                    }.Select(Html.Cell)
                )
            );
    }

    private string OnScale(string name) =>
        report.Metrics.FirstOrDefault(metric => metric.Name == name + PairedComparison.Calibrated)?.Value is { } value
            ? Value(value)
            : "n/a";

    private string Classes()
    {
        if (report.Classes.Count == 0)
            return "";
        var columns = (IsDrift ? DriftColumns : ClassColumns)
            .Where(column => report.Classes.Any(row => row.Values.ContainsKey(column.Name)))
            .ToList();
        var order = IsDrift
            ? "Classes with 10 images or more in both jobs, the smallest p-value first, adjusted for their number (Benjamini and Hochberg)."
            : "Most negative flips first, then the least similar maps.";
        return $"<h2>Classes</h2>\n<p>{order}</p>\n"
            + Html.Table(
                columns.Select(column => column.Heading).Prepend("images").Prepend("class"),
                report.Classes.Select(row =>
                    columns
                        .Select(column => Number(row.Values.TryGetValue(column.Name, out var value) ? value : null))
                        .Prepend(Html.Count(row.Images))
                        .Prepend(Html.Text(row.Name))
                        .Select(Html.Cell)
                )
            );
    }

    private static string Pictures(IGrouping<string, ChangedPicture> group) =>
        $"""
            <h2>{Html.Text(group.Key)}</h2>
            <div class="row">
            {string.Join('\n', group.Select(picture => Html.Figure(picture.Png, picture.Caption)))}
            </div>
            """;

    private string Protocol() =>
        "<h2>Protocol</h2>\n<p>Intervals are 95 %. "
        + (
            IsDrift
                ? string.Create(
                    CultureInfo.InvariantCulture,
                    $"""
                    Drift is the unbiased energy distance as a share: 0 on average for one distribution, at most 1; bootstrap of the images.
                    By chance is what 95 % of {EnergyDistance.Permutations} random splits of all images stay below, seed
                    {Bootstrap.Default.Seed}. The change of accuracy: Newcombe's interval.
                    """
                )
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"""
                    Means: percentile bootstrap, {Bootstrap.Default.Resamples} resamples of the images, seed {Bootstrap.Default.Seed}; the
                    scale resamples value, floor and ceiling of an image together. Shares: Wilson's interval; the change of accuracy:
                    Newcombe's interval of paired proportions.
                    """
                )
        )
        + " The detectable change is the smallest one that so many images show with 80 % power.</p>";

    private static string Value(Interval interval) => $"{Html.Number(interval.Mean)}<small>{Html.Interval(interval)}</small>";

    private static string Number(double? value) => value is { } number && !double.IsNaN(number) ? Html.Number(number) : "";
}
