using System.Globalization;
using AgCam.Attribution;
using AgCam.Evaluation;
using AgCam.Evaluation.Metrics;
using AgCam.Evaluation.Presets;

namespace AgCam.Cli.Evaluating;

/// <summary>
/// Writes the evaluation as one HTML file that loads nothing: tables, curves, classes, the best and worst pictures. It prints in black
/// and white: lines differ by their dashes, and significant differences carry a mark.
/// </summary>
/// <param name="dataset">Name of the dataset as the command line gives it.</param>
/// <param name="date">Day of the evaluation, UTC.</param>
internal sealed class HtmlPage(
    EvaluationTables tables,
    IReadOnlyList<MethodSummary> methods,
    IReadOnlyList<ShownPicture> pictures,
    PublishedNumbers? published,
    string dataset,
    DateOnly date
)
{
    private const int ColumnsOnPaper = 6;

    private static readonly string[] ClassMetrics = ["iou", "pointing", "abpc"];

    public void Write(TextWriter to)
    {
        var title = Html.Text($"Heatmaps of {tables.Header.Model}, evaluated");
        to.WriteLine(Html.Head(title));
        string[] sections =
        [
            Subject(),
            Reasons(),
            .. tables.Header.Metrics.Select(Family),
            Published(),
            .. new HtmlCurves(tables, methods).Sections(),
            .. ClassMetrics.Where(IsMeasured).Select(Classes),
            .. pictures.GroupBy(picture => picture.Group).Select(Pictures),
            Protocol(),
        ];
        foreach (var section in sections.Where(section => section.Length > 0))
            to.WriteLine(section);
        to.WriteLine("</body>\n</html>");
    }

    private string Subject()
    {
        var correct = Html.Count(tables.Evaluated - tables.Misclassified);
        var mark = tables.Reference is { } reference
            ? $" An asterisk marks a method whose paired difference from {Html.Text(reference)} excludes zero."
            : "";
        (string, string)[] facts =
        [
            ("dataset", Html.Text(dataset)),
            ("model", Html.Text(tables.Header.Model)),
            ("images", $"{Html.Count(tables.Evaluated)} of {Html.Count(tables.Images)} evaluated; {correct} of them classified correctly"),
            ("date", date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)),
            ("version", Html.Text($"agcam {Provenance.Software.Version}")),
        ];
        return $"{Html.Definitions(facts)}\n<p>Means with 95 % bootstrap intervals.{mark}</p>";
    }

    private string Reasons()
    {
        List<(string Reason, string Images)> rows =
        [
            .. tables.Skipped.Select(r => (r.Key, $"{r.Value} images skipped")),
            .. tables.WithoutBoxes.Select(r => (r.Key, $"{r.Value} images without usable boxes")),
            .. tables.WithoutMask.Select(r => (r.Key, $"{r.Value} images without a usable mask")),
            .. tables.Repaired.Select(r => (r.Key, $"{r.Value} boxes clipped or dropped")),
            .. methods.SelectMany(m => m.Skipped.Select(r => (r.Key, $"{r.Value} maps of {m.Name} without information"))),
        ];
        return rows.Count == 0 ? "" : Html.Definitions(rows.Select(row => (row.Reason, Html.Text(row.Images))));
    }

    private string Family(MetricFamily family)
    {
        Metric[] metrics = [.. Metric.Of([family]).Where(metric => methods.Any(method => Find(method, metric) is not null))];
        return metrics.Length == 0
            ? ""
            : $"""
                <h2>{family}</h2>
                {string.Join('\n', metrics.Chunk(ColumnsOnPaper).Select(Table))}
                {Html.Each(Notes(family, metrics), note => $"<p class=\"note\">{Html.Text(note)}</p>")}
                {Html.Definitions(metrics.Select(metric => (metric.Name, Html.Text(metric.Meaning))))}
                """;
    }

    private string Table(Metric[] metrics) =>
        Html.Table(
            metrics.Select(metric => $"{metric.Name} {(metric.HigherIsBetter ? '↑' : '↓')}").Prepend("method"),
            methods.Select(method => metrics.Select(metric => Cell(method, metric)).Prepend(Html.Cell(Html.Text(method.Name))))
        );

    private string Cell(MethodSummary method, Metric metric)
    {
        if (Find(method, metric) is not { } found)
            return Html.Cell("n/a");
        var means = methods.Select(other => Find(other, metric)?.Value.Mean).OfType<double>();
        var isBest = found.Value.Mean == (metric.HigherIsBetter ? means.Max() : means.Min());
        var mean = Html.Number(found.Value.Mean) + (found.Differs ? "*" : "");
        return $"<td{(isBest ? " class=\"best\"" : "")}>{mean}<small>{Html.Interval(found.Value)}; n {found.Count}</small></td>";
    }

    /// <summary>Returns a sentence for each control that the reference method does not beat, with the metrics concerned.</summary>
    private IEnumerable<string> Notes(MetricFamily family, Metric[] metrics)
    {
        if (family == MetricFamily.Sanity || tables.Reference is not { } reference)
            yield break;
        foreach (var control in AttributionMethod.Measured.Where(method => method.IsControl))
        {
            var name = control.Name == "random" ? "a random map" : "a centred box";
            var summary = methods.FirstOrDefault(method => method.Name == control.Name);
            string[] reached = [.. metrics.Where(metric => summary is not null && Reaches(summary, metric)).Select(metric => metric.Name)];
            if (reached.Length > 0)
                yield return $"{string.Join(", ", reached)}: {reference} is not significantly better than {name} on these images."
                    + (family == MetricFamily.Localization ? Cover() : "");
        }
    }

    private static bool Reaches(MethodSummary control, Metric metric) =>
        Find(control, metric)?.Difference is { } difference && (metric.HigherIsBetter ? difference.High >= 0 : difference.Low <= 0);

    /// <summary>Notes when boxes cover most of the picture: a random map has that share of its heat in them.</summary>
    private string Cover()
    {
        var random = methods.FirstOrDefault(method => method.Name == "random");
        var share = random?.Metrics.FirstOrDefault(found => found.Metric.Name == "energy")?.Value.Mean;
        return share >= 0.5
            ? $" The boxes cover most of the picture ({Math.Round(share.Value * 100)} %), so large boxes score well wherever the heat is."
            : "";
    }

    private static MetricSummary? Find(MethodSummary method, Metric metric) =>
        method.Metrics.FirstOrDefault(found => found.Metric == metric);

    private bool IsMeasured(string metric) => methods.Any(method => method.Metrics.Any(found => found.Metric.Name == metric));

    /// <summary>Returns the means of the classes, worst first by the reference method, or else by the first method.</summary>
    private string Classes(string metric)
    {
        var byMethod = methods.ToDictionary(method => method.Name, method => tables.ByClass(method.Name, metric));
        var reference = tables.Reference ?? methods[0].Name;
        var classes = tables
            .Classes.OrderBy(@class => byMethod[reference].TryGetValue(@class.Key, out var mean) ? mean : double.PositiveInfinity)
            .ThenBy(@class => @class.Key, StringComparer.Ordinal);
        var table = Html.Table(
            methods.Select(method => Html.Text(method.Name)).Prepend("images").Prepend("class"),
            classes.Select(@class =>
                methods
                    .Select(method => Mean(method, @class.Key))
                    .Prepend(Html.Count(@class.Value))
                    .Prepend(Html.Text(@class.Key))
                    .Select(Html.Cell)
            )
        );
        return $"<h2>{metric} by class</h2>\n<p>Worst first by {Html.Text(reference)}.</p>\n{table}";

        string Mean(MethodSummary method, string @class) =>
            byMethod[method.Name].TryGetValue(@class, out var mean) ? Html.Number(mean) : "n/a";
    }

    private static string Pictures(IGrouping<string, ShownPicture> group) =>
        $"""
            <h2>{Html.Text(group.Key)}</h2>
            <div class="row">
            {string.Join('\n', group.Select(picture => Html.Figure(picture.Png, picture.Caption)))}
            </div>
            """;

    private string Published()
    {
        if (published is null)
            return "";
        var table = Html.Table(
            ["method", "metric", "published", "measured", ""],
            published
                .Beside(methods)
                .Select(number =>
                    new[] { Html.Text(number.Method), number.Metric.Name, Html.Number(number.Value) }
                        .Concat(Measured(number.Value, number.Measured))
                        .Select(Html.Cell)
                )
        );
        return $"<h2>Published and measured results</h2>\n<p>{Html.Text(published.Source)}</p>\n{table}";
    }

    private static string[] Measured(double published, MetricSummary? measured)
    {
        if (measured is not { Value: var value })
            return ["n/a", "not measured"];
        var where = published < value.Low || published > value.High ? "outside" : "inside";
        return [$"{Html.Number(value.Mean)}<small>{Html.Interval(value)}</small>", $"{where} the interval"];
    }

    private string Protocol()
    {
        var header = tables.Header;
        List<string> sentences = ["The explained class is the label."];
        if (header.Parity == Parity.Paper)
            sentences.Add("Localisation scores and perturbation areas use the arithmetic of the paper's authors.");
        if (header.Preset is { } preset)
            sentences.Add(
                header.Deviations.Count == 0
                    ? $"Preset {preset}, without deviations."
                    : $"Preset {preset}, except: {string.Join("; ", header.Deviations)}."
            );
        if (header.Metrics.Contains(MetricFamily.Localization))
            sentences.Add(Thresholds(header));
        sentences.Add($"Bootstrap: {Bootstrap.Default.Resamples} resamples of the images, seeded.");
        var computation =
            $"{header.Computation}; {header.Dtype} on {header.Device}; batches of {header.Batch}; weights {header.ModelSha256}";
        return $"""
            <h2>Protocol</h2>
            <p>{Html.Text(string.Join(' ', sentences))}</p>
            <p><code>{Html.Text(computation)}</code></p>
            """;
    }

    private string Thresholds(EvaluationHeader header)
    {
        var chosen = methods
            .Where(method => method.MaxBoxAccThreshold is not null)
            .Select(method => string.Create(CultureInfo.InvariantCulture, $"{method.Name} {method.MaxBoxAccThreshold}"));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"Boxes enclose the components above threshold {header.Threshold} of the normalised map. maxBoxAcc and maxBoxAccV2 take the "
                + $"best threshold for these images, so they are optimistic ({string.Join(", ", chosen)})."
        );
    }
}
