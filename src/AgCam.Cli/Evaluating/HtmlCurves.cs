using System.Globalization;
using System.Text;
using AgCam.Evaluation;
using AgCam.Heatmaps;

namespace AgCam.Cli.Evaluating;

/// <summary>
/// Curves as inline SVG: box accuracy over the threshold, and the probability over what was removed. Methods differ by dash and by name
/// at the line's side.
/// </summary>
internal sealed class HtmlCurves(EvaluationTables tables, IReadOnlyList<MethodSummary> methods)
{
    private static readonly string[] Dashes = ["", "8 4", "2 2", "10 3 2 3", "2 5", "16 4", "8 2 2 2 2 2", "4 4", "12 2", "5 8", "1 3"];
    private static readonly string[] Inks =
    [
        "#000",
        "#0050b0",
        "#b03000",
        "#006e3c",
        "#6a2f90",
        "#7a5d00",
        "#444",
        "#00607a",
        "#a0005a",
        "#5a5a00",
        "#2a2a8a",
    ];

    public void Write(TextWriter to)
    {
        if (tables.Header.Metrics.Contains(MetricFamily.Localization) && methods.Any(method => method.MaxBoxAccThreshold is not null))
        {
            to.WriteLine("<h2>Box accuracy over the threshold</h2>\n<div class=\"row\">");
            Figure(
                to,
                "Share of images whose largest box reaches IoU 0.5, the class taken as known.",
                "threshold",
                method => tables.BoxCurve(method, 0.5, BoxSelection.Largest)
            );
            Figure(
                to,
                "Share of images where some box reaches IoU 0.5.",
                "threshold",
                method => tables.BoxCurve(method, 0.5, BoxSelection.All)
            );
            to.WriteLine("</div>");
        }

        if (tables.Header.Metrics.Contains(MetricFamily.Perturbation))
        {
            to.WriteLine("<h2>Perturbation curves</h2>\n<div class=\"row\">");
            Figure(
                to,
                "Mean probability of the label while the hottest pixels are removed: an early fall is good.",
                "share removed",
                method => tables.PerturbationCurves(method)?.Morf
            );
            Figure(
                to,
                "Mean probability of the label while the coldest pixels are removed: a late fall is good.",
                "share removed",
                method => tables.PerturbationCurves(method)?.Lerf
            );
            to.WriteLine("</div>");
        }
    }

    private void Figure(TextWriter to, string caption, string axis, Func<string, IReadOnlyList<double>?> curve)
    {
        const int Left = 44;
        const int Top = 10;
        const int Width = 340;
        const int Height = 240;
        var svg = new StringBuilder(
            $"<figure><svg width=\"530\" height=\"300\" viewBox=\"0 0 530 300\" role=\"img\" aria-label=\"{HtmlPage.Text(caption)}\">"
        );
        for (var tick = 0; tick <= 4; tick++)
        {
            var (x, y) = (Left + (Width * tick / 4), Top + Height - (Height * tick / 4));
            svg.Append(
                CultureInfo.InvariantCulture,
                $"<path d=\"M{Left} {y}h{Width}M{x} {Top}v{Height}\" stroke=\"#ddd\"/><text x=\"{Left - 6}\" y=\"{y + 4}\" "
                    + $"text-anchor=\"end\">{tick / 4.0:0.00}</text><text x=\"{x}\" y=\"{Top + Height + 18}\" "
                    + $"text-anchor=\"middle\">{tick / 4.0:0.00}</text>"
            );
        }

        svg.Append(
            CultureInfo.InvariantCulture,
            $"<text x=\"{Left + (Width / 2)}\" y=\"{Top + Height + 38}\" text-anchor=\"middle\">{HtmlPage.Text(axis)}</text>"
        );
        foreach (var (index, method) in methods.Index())
        {
            if (curve(method.Name) is not { Count: > 1 } values)
                continue;
            var style =
                $"fill=\"none\" stroke=\"{Inks[index % Inks.Length]}\" stroke-width=\"2\" "
                + $"stroke-dasharray=\"{Dashes[index % Dashes.Length]}\"";
            var points = values
                .Index()
                .Where(point => values.Count <= 200 || point.Index % 5 == 0)
                .Select(point =>
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{Left + (Width * point.Index / (double)(values.Count - 1)):0.#},{Top + (Height * (1 - point.Item)):0.#}"
                    )
                );
            var at = Top + 10 + (20 * index);
            svg.Append(
                CultureInfo.InvariantCulture,
                $"<polyline {style} points=\"{string.Join(' ', points)}\"/><path {style} d=\"M{Left + Width + 12} "
                    + $"{at}h34\"/><text x=\"{Left + Width + 50}\" y=\"{at + 4}\">{HtmlPage.Text(method.Name)}</text>"
            );
        }

        to.WriteLine($"{svg}</svg><figcaption>{HtmlPage.Text(caption)}</figcaption></figure>");
    }
}
