using System.Globalization;
using System.Text;
using AgCam.Cli.Options;
using AgCam.Cli.Terminal;
using AgCam.Heatmaps;

namespace AgCam.Cli.Explaining;

/// <summary>Writes stdout: one JSON object per image with --json, otherwise one line of text.</summary>
/// <param name="width">Columns of the terminal.</param>
internal sealed class Report(ExplainRun run, Explainer explainer, Screen screen, int width)
{
    private const int MaxBoxes = 3;

    private readonly CultureInfo _culture = CultureInfo.InvariantCulture;

    public void Show(ReadImage image, Explanation? explanation, ReadOnlySpan<byte> row)
    {
        if (run.Json)
            screen.Row(row);
        else if (Fitting(image, explanation) is { } line)
            screen.Row(Encoding.UTF8.GetBytes(Screen.Printable(line)));
    }

    /// <summary>Returns the line with as many boxes as fit the terminal, at least one.</summary>
    private string? Fitting(ReadImage image, Explanation? explanation)
    {
        var boxes = MaxBoxes;
        var line = Line(image, explanation, boxes);
        while (line?.Length > width && boxes > 1)
            line = Line(image, explanation, --boxes);
        return line;
    }

    public void Flush() => screen.Flush();

    private string? Line(ReadImage image, Explanation? explanation, int maxBoxes)
    {
        if (image.Failure is { } failure)
            return $"{image.Source.Path}: FAILED, {failure.Reason}: {FieldFlags.In(failure.Message)}";
        if (explanation is null)
            return run.Quiet ? null : $"{image.Source.Path}: done before";
        var best = explanation.Predictions[0];
        var text = new StringBuilder($"{image.Source.Path}: {Pictures.ShortName(best.Name, best.Class)} {Percent(best.Probability)}");
        if (image.Label is { Class: null } unknown)
            text.Append(_culture, $", label \"{unknown.Given}\" is no class");
        else if (explanation.Label is { } label && label != best.Class)
            text.Append(
                _culture,
                $", label {Pictures.ShortName(explainer.Classes[label], label)} ({Percent(explanation.Probability(label))})"
            );
        foreach (var target in explanation.Targets)
        {
            text.Append("; ");
            var isPlain = explanation.Targets.Count == 1 && target.Requested.Count == 1;
            if (!isPlain || target.Class != best.Class || target.Against is not null)
                text.Append(Pictures.ShortName(target.Name, target.Class));
            if (target.Against is { } against)
                text.Append(_culture, $" against {Pictures.ShortName(target.AgainstName, against)}");
            text.Append(Pictures.AskedBy(target));
            if (text[^1] != ' ')
                text.Append(": ");
            text.Append(target.Boxes.Count == 0 ? target.Reason ?? "no box" : Boxes(target.Boxes, maxBoxes));
        }

        return text.ToString();
    }

    private string Boxes(IReadOnlyList<BoundingBox> boxes, int maximum) =>
        string.Join(
            ", ",
            boxes
                .Take(maximum)
                .Select(box => string.Create(_culture, $"box {box.X:0},{box.Y:0} {box.Width:0}x{box.Height:0} ({Percent(box.Score)})"))
        ) + (boxes.Count > maximum ? string.Create(_culture, $" and {boxes.Count - maximum} more") : "");

    private string Percent(double share) => double.IsFinite(share) ? string.Create(_culture, $"{100 * share:0.#}%") : "undefined";
}
