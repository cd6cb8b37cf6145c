using System.Globalization;
using AgCam.Evaluation;
using AgCam.Heatmaps;

namespace AgCam.Cli.Evaluating;

/// <summary>
/// Draws curves as inline SVG: box accuracy over the threshold, and the probability over the share removed. Methods differ by colour and
/// dash.
/// </summary>
internal sealed class HtmlCurves(EvaluationTables tables, IReadOnlyList<MethodSummary> methods)
{
    private const int Left = 44;
    private const int Top = 10;
    private const int Width = 440;
    private const int Height = 240;
    private const int MaxPoints = 200;

    private static readonly string[] Dashes = ["", "8 4", "2 2", "10 3 2 3", "2 5", "16 4", "8 2 2 2 2 2", "4 4", "12 2", "5 8", "1 3"];

    public IEnumerable<string> Sections()
    {
        if (tables.Header.Metrics.Contains(MetricFamily.Localization) && methods.Any(method => method.MaxBoxAccThreshold is not null))
            yield return Section(
                "Box accuracy over the threshold",
                Figure(
                    "Share of images whose largest box has an IoU of at least 0.5, with the class given.",
                    "threshold",
                    method => tables.BoxCurve(method, 0.5, BoxSelection.Largest)
                ),
                Figure(
                    "Share of images in which any box has an IoU of at least 0.5.",
                    "threshold",
                    method => tables.BoxCurve(method, 0.5, BoxSelection.All)
                )
            );
        if (tables.Header.Metrics.Contains(MetricFamily.Perturbation))
            yield return Section(
                "Perturbation curves",
                Figure(
                    "Mean probability of the label while the hottest pixels are removed: an early fall is good.",
                    "share removed",
                    method => tables.PerturbationCurves(method)?.Morf
                ),
                Figure(
                    "Mean probability of the label while the coldest pixels are removed: a late fall is good.",
                    "share removed",
                    method => tables.PerturbationCurves(method)?.Lerf
                )
            );
    }

    private static string Section(string heading, string left, string right) =>
        $"""
            <h2>{heading}</h2>
            <div class="row">
            {left}
            {right}
            </div>
            """;

    private string Figure(string caption, string axis, Func<string, IReadOnlyList<double>?> curve)
    {
        var lines = methods
            .Index()
            .Select(method => (method.Item.Name, Style: LineStyle(method.Index), Values: curve(method.Item.Name)))
            .Where(line => line.Values is { Count: > 1 })
            .ToList();
        return $"""
            <figure><svg viewBox="0 0 500 300" role="img" aria-label="{Html.Text(caption)}">
            {Html.Each(Enumerable.Range(0, 5), Tick)}
            <text x="{Left + (Width / 2)}" y="{Top + Height + 38}" text-anchor="middle">{Html.Text(axis)}</text>
            {Html.Each(lines, line => $"<polyline style=\"{line.Style}\" points=\"{Points(line.Values!)}\"/>")}
            </svg>
            <ul class="legend">{Html.Each(lines, line => LegendItem(line.Name, line.Style))}</ul>
            <figcaption>{Html.Text(caption)}</figcaption></figure>
            """;
    }

    private static string LineStyle(int index) =>
        $"fill: none; stroke: var(--line{index % Dashes.Length}); stroke-width: 2; stroke-dasharray: {Dash(index)}";

    private static string Dash(int index) => Dashes[index % Dashes.Length] is { Length: > 0 } dash ? dash : "none";

    private static string LegendItem(string name, string style) =>
        $"<li><svg viewBox=\"0 0 36 10\" aria-hidden=\"true\"><path style=\"{style}\" d=\"M0 5h36\"/></svg>{Html.Text(name)}</li>";

    /// <summary>Grid lines and labels of both axes at a quarter, 0 to 4.</summary>
    private static string Tick(int quarter)
    {
        var (x, y) = (Left + (Width * quarter / 4), Top + Height - (Height * quarter / 4));
        var label = (quarter / 4.0).ToString("0.00", CultureInfo.InvariantCulture);
        return $"""
            <path class="grid" d="M{Left} {y}h{Width}M{x} {Top}v{Height}"/>
            <text x="{Left - 6}" y="{y + 4}" text-anchor="end">{label}</text>
            <text x="{x}" y="{Top + Height + 18}" text-anchor="middle">{label}</text>

            """;
    }

    private static string Points(IReadOnlyList<double> values) =>
        string.Join(
            ' ',
            values
                .Index()
                .Where(point => values.Count <= MaxPoints || point.Index % 5 == 0)
                .Select(point =>
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{Left + (Width * point.Index / (double)(values.Count - 1)):0.#},{Top + (Height * (1 - point.Item)):0.#}"
                    )
                )
        );
}
