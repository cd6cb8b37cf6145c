using System.Globalization;
using System.Net;
using System.Text;
using AgCam.Evaluation;
using AgCam.Evaluation.Presets;
using AgCam.Metrics;

namespace AgCam.Cli.Evaluating;

/// <summary>
/// The evaluation as one HTML file without anything from outside: tables, curves, classes, the best and worst pictures. It prints in
/// black and
/// white: lines differ by their dashes, and what is significant carries a mark.
/// </summary>
internal sealed class HtmlPage(
    EvaluationTables tables,
    IReadOnlyList<MethodSummary> methods,
    IReadOnlyList<ShownPicture> pictures,
    PublishedNumbers? published = null
)
{
    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    private const string Style = """
        body { font: 15px/1.45 system-ui, sans-serif; color: #111; background: #fff; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
        h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; border-bottom: 1px solid #999; }
        table { border-collapse: collapse; margin: .8rem 0; font-variant-numeric: tabular-nums; }
        th, td { text-align: right; padding: .25rem .7rem; border-bottom: 1px solid #ccc; white-space: nowrap; }
        th:first-child, td:first-child { text-align: left; } thead th { border-bottom: 2px solid #111; }
        td small { color: #444; display: block; font-weight: 400; } td.best { font-weight: 700; } .wide { overflow-x: auto; }
        .row { display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; } figure { margin: 0; flex: 0 1 34rem; } figcaption { font-size: .85rem; }
        svg { display: block; max-width: 100%; } svg text { font: 12px system-ui, sans-serif; } img { display: block; max-width: 100%; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; font-size: .85rem; } dt { font-weight: 600; } dd { margin: 0; }
        code { overflow-wrap: anywhere; }
        @media print { body { max-width: none; font-size: 12px; } h2 { break-after: avoid; } figure, table { break-inside: avoid; } }
        """;

    public void Write(TextWriter to)
    {
        var title = $"Heatmaps of {tables.Header.Model}, evaluated";
        to.WriteLine(
            $"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
                + $"content=\"width=device-width, "
                + $"initial-scale=1\">\n<title>{Text(title)}</title>\n<style>\n{Style}\n</style>\n</head>\n<body>\n<h1>{Text(title)}</h1>"
        );
        to.WriteLine(
            string.Create(
                Culture,
                $"<p>{tables.Evaluated:N0} of {tables.Images:N0} images evaluated; {tables.Evaluated - tables.Misclassified:N0} "
                    + $"of them classified correctly. Means with 95 % bootstrap intervals; an asterisk marks a method whose paired difference from "
                    + $"{tables.Reference} leaves out zero.</p>"
            )
        );
        Reasons(to);
        foreach (var family in tables.Header.Metrics)
            Family(to, family);
        Published(to);
        new HtmlCurves(tables, methods).Write(to);
        Classes(to);
        Pictures(to);
        Protocol(to);
        to.WriteLine("</body>\n</html>");
    }

    public static string Text(string text) => WebUtility.HtmlEncode(text);

    private void Reasons(TextWriter to)
    {
        List<(string, string)> rows =
        [
            .. tables.Skipped.Select(r => (r.Key, $"{r.Value} images skipped")),
            .. tables.WithoutBoxes.Select(r => (r.Key, $"{r.Value} images without usable boxes")),
            .. tables.WithoutMask.Select(r => (r.Key, $"{r.Value} images without a usable mask")),
            .. tables.Repaired.Select(r => (r.Key, $"{r.Value} boxes put right or left out")),
            .. methods.SelectMany(m => m.Skipped.Select(r => (r.Key, $"{r.Value} maps of {m.Name} that say nothing"))),
        ];
        if (rows.Count > 0)
            to.WriteLine($"<ul>{string.Concat(rows.Select(row => $"<li><code>{Text(row.Item1)}</code>: {Text(row.Item2)}</li>"))}</ul>");
    }

    private const int Columns = 6; // more do not fit a printed page

    private void Family(TextWriter to, MetricFamily family)
    {
        Metric[] metrics = [.. Metric.Of([family]).Where(metric => methods.Any(method => Find(method, metric) is not null))];
        if (metrics.Length == 0)
            return;
        to.WriteLine($"<h2>{family}</h2>");
        foreach (var part in metrics.Chunk(Columns))
            Table(to, part);
        to.WriteLine($"<dl>{string.Concat(metrics.Select(m => $"<dt>{m.Name}</dt><dd>{Text(m.Meaning)}</dd>"))}</dl>");
    }

    private void Table(TextWriter to, Metric[] metrics)
    {
        to.WriteLine(
            $"<div "
                + $"class=\"wide\"><table><thead><tr><th>method</th>{string.Concat(metrics.Select(m => $"<th title=\"{Text(m.Meaning)}\">{m.Name} {(m.HigherIsBetter ? '↑' : '↓')}</th>"))}</tr></thead><tbody>"
        );
        foreach (var method in methods)
            to.WriteLine($"<tr><td>{Text(method.Name)}</td>{string.Concat(metrics.Select(metric => Cell(method, metric)))}</tr>");
        to.WriteLine("</tbody></table></div>");
    }

    private string Cell(MethodSummary method, Metric metric)
    {
        if (Find(method, metric) is not { } found)
            return "<td>n/a</td>";
        var values = methods.Select(other => Find(other, metric)?.Value.Mean).OfType<double>();
        var best = found.Value.Mean == (metric.HigherIsBetter ? values.Max() : values.Min());
        return string.Create(
            Culture,
            $"<td{(best ? " class=\"best\"" : "")}>{found.Value.Mean:0.000}{(found.Differs ? "*" : "")}<small>{found.Value.Low:0.000} to {found.Value.High:0.000}; n {found.Count}</small></td>"
        );
    }

    private static MetricSummary? Find(MethodSummary method, Metric metric) =>
        method.Metrics.FirstOrDefault(found => found.Metric == metric);

    private void Classes(TextWriter to)
    {
        foreach (
            var metric in new[] { "iou", "pointing", "abpc" }.Where(metric =>
                methods.Any(method => method.Metrics.Any(m => m.Metric.Name == metric))
            )
        )
        {
            var byMethod = methods.ToDictionary(method => method.Name, method => tables.ByClass(method.Name, metric));
            to.WriteLine(
                $"<h2>{metric} by class</h2>\n<div "
                    + $"class=\"wide\"><table><thead><tr><th>class</th><th>images</th>{string.Concat(methods.Select(m => $"<th>{Text(m.Name)}</th>"))}</tr></thead><tbody>"
            );
            foreach (var (name, images) in tables.Classes)
                to.WriteLine(
                    $"<tr><td>{Text(name)}</td><td>{images}</td>{string.Concat(methods.Select(m => byMethod[m.Name].TryGetValue(name, out var mean) ? string.Create(Culture, $"<td>{mean:0.000}</td>") : "<td>n/a</td>"))}</tr>"
                );
            to.WriteLine("</tbody></table></div>");
        }
    }

    private void Pictures(TextWriter to)
    {
        foreach (var group in pictures.GroupBy(picture => picture.Group))
        {
            to.WriteLine($"<h2>{Text(group.Key)}</h2>\n<div class=\"row\">");
            foreach (var picture in group)
                to.WriteLine(
                    $"<figure><img alt=\"{Text(picture.Caption)}\" "
                        + $"src=\"data:image/png;base64,{Convert.ToBase64String(picture.Png)}\"><figcaption>{Text(picture.Caption)}</figcaption></figure>"
                );
            to.WriteLine("</div>");
        }
    }

    private void Published(TextWriter to)
    {
        if (published is null)
            return;
        to.WriteLine(
            $"<h2>Published beside measured</h2>\n<p>{Text(published.Source)}</p>\n<div "
                + $"class=\"wide\"><table><thead><tr><th>method</th><th>metric</th><th>published</th><th>measured</th><th></th></tr></thead><tbody>"
        );
        foreach (var number in published.Beside(methods))
            to.WriteLine(
                string.Create(Culture, $"<tr><td>{Text(number.Method)}</td><td>{number.Metric.Name}</td><td>{number.Value:0.000}</td>")
                    + (
                        number.Measured is { Value: var value }
                            ? string.Create(
                                Culture,
                                $"<td>{value.Mean:0.000}<small>{value.Low:0.000} to "
                                    + $"{value.High:0.000}</small></td><td>{(number.Value < value.Low || number.Value > value.High ? "outside" : "inside")} the "
                                    + $"interval</td></tr>"
                            )
                            : "<td>n/a</td><td>not measured</td></tr>"
                    )
            );
        to.WriteLine("</tbody></table></div>");
    }

    private void Protocol(TextWriter to)
    {
        var header = tables.Header;
        var text = new StringBuilder("<h2>Protocol</h2>\n<p>The class explained is the label. ");
        if (header.Parity == Parity.Paper)
            text.Append("Localisation scores and perturbation areas follow the paper, quirks included. ");
        if (header.Preset is { } preset)
            text.Append(
                Culture,
                $"Preset "
                    + $"{preset}{(header.Deviations.Count == 0 ? ", as it is laid down" : $", except: {Text(string.Join("; ", header.Deviations))}")}. "
            );
        if (header.Metrics.Contains(MetricFamily.Localization))
            text.Append(
                Culture,
                $"Boxes are cut at threshold {header.Threshold} of the normalised map; maxBoxAcc and maxBoxAccV2 take the "
                    + $"threshold that is best on these very images, which flatters "
                    + $"({string.Join(", ", methods.Where(m => m.MaxBoxAccThreshold is not null).Select(m => string.Create(Culture, $"{m.Name} {m.MaxBoxAccThreshold}")))}). "
            );
        text.Append(
            Culture,
            $"Bootstrap: {Bootstrap.Default.Resamples} resamples of the images, "
                + $"seeded.</p>\n<p><code>{Text(header.Computation)}; {header.Dtype} on {header.Device}; batches of {header.Batch}; weights "
                + $"{header.ModelSha256}</code></p>"
        );
        to.WriteLine(text);
    }
}
