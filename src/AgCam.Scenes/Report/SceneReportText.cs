using System.Globalization;
using System.Text;
using AgCam.Evaluation.Metrics;

namespace AgCam.Scenes.Report;

/// <summary>Formats the figures as Markdown.</summary>
public static class SceneReportText
{
    public static string ToMarkdown(this SceneFigures figures)
    {
        var text = new StringBuilder();
        Accuracy(text, figures);
        Shortcut(text, figures.Shortcut);
        Knockout(text, figures.Knockout);
        Localization(text, figures.Localization);
        return text.ToString();
    }

    private static void Accuracy(StringBuilder text, SceneFigures figures)
    {
        text.AppendLine(CultureInfo.InvariantCulture, $"## Accuracy");
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"{figures.Accuracy.Share:P2} of {figures.Accuracy.Scenes:N0} fresh scenes (seed {figures.Options.Seed})."
        );
        text.AppendLine(CultureInfo.InvariantCulture, $"");
        text.AppendLine(CultureInfo.InvariantCulture, $"| class | correct |");
        text.AppendLine(CultureInfo.InvariantCulture, $"|---|---|");
        foreach (var (name, share) in figures.Accuracy.PerClass)
            text.AppendLine(CultureInfo.InvariantCulture, $"| {name} | {share:P1} |");
        text.AppendLine(CultureInfo.InvariantCulture, $"");
    }

    private static void Shortcut(StringBuilder text, ShortcutFigures shortcut)
    {
        var mark = SceneClass.Names[SceneClass.Watermarked];
        text.AppendLine(CultureInfo.InvariantCulture, $"## The shortcut");
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"* Pasted onto {shortcut.Pasted:N0} scenes of other classes, the watermark flips {Share(shortcut.Flipped)} of the "
                + $"predictions to \"{mark}\"; {shortcut.RightBefore:P1} were correct before, {shortcut.RightAfter:P1} after."
        );
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"* Removed from {shortcut.Marked:N0} scenes of \"{mark}\" that carry it, accuracy changes from "
                + $"{shortcut.RightMarked:P1} to {Share(shortcut.RightUnmarked)}."
        );
        text.AppendLine(CultureInfo.InvariantCulture, $"");
        if (shortcut.Heatmaps.Count == 0)
            return;
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"| heatmap of a flipped picture | pictures | mass on the watermark | by chance | times chance | highest point in "
                + $"its patches | by chance |"
        );
        text.AppendLine(CultureInfo.InvariantCulture, $"|---|---|---|---|---|---|---|");
        foreach (var map in shortcut.Heatmaps)
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"| {map.Map} | {map.Pictures:N0} | {Share(map.Energy)} | {map.Chance:P1} | {Number(map.Lift, "F1")} | "
                    + $"{Share(map.Pointing)} | {map.PointingChance:P1} |"
            );
        text.AppendLine(CultureInfo.InvariantCulture, $"");
    }

    private static void Knockout(StringBuilder text, KnockoutFigures knockout)
    {
        text.AppendLine(CultureInfo.InvariantCulture, $"### How the mark is read");
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"Of {knockout.Pictures} pictures with the mark pasted on, {knockout.Flipped:P1} are predicted as "
                + $"\"{SceneClass.Names[SceneClass.Watermarked]}\". When the class token cannot attend to the mark's patches, it is "
                + $"{knockout.BlindClassToken:P1}; when the other patches cannot, {knockout.BlindPatches:P1}."
        );
        text.AppendLine(CultureInfo.InvariantCulture, $"");
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"| block | class token's attention on the mark | this block's heat on it | highest patch on it | this block's "
                + $"share of the whole map | mean sigmoid |"
        );
        text.AppendLine(CultureInfo.InvariantCulture, $"|---|---|---|---|---|---|");
        foreach (var block in knockout.Blocks)
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"| {block.Block} | {block.Attention:P1} | {block.Energy:P1} | {block.Pointing:P0} | {block.Mass:P0} | {block.Gate:F2} |"
            );
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"| by chance | {knockout.Chance:P1} | {knockout.Chance:P1} | {knockout.Chance:P1} | | |"
        );
        text.AppendLine(CultureInfo.InvariantCulture, $"");
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"AG-CAM's whole map has {knockout.Sigmoid.Energy:P1} of its heat on the mark's patches and its highest patch there "
                + $"in {knockout.Sigmoid.Pointing:P0} of these pictures; weighted by the softmax instead of the sigmoid it would be "
                + $"{knockout.Softmax.Energy:P1} and {knockout.Softmax.Pointing:P0}."
        );
        text.AppendLine(CultureInfo.InvariantCulture, $"");
    }

    private static void Localization(StringBuilder text, LocalizationFigures localization)
    {
        text.AppendLine(CultureInfo.InvariantCulture, $"## Localisation");
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"Correctly predicted scenes; boxes at threshold {localization.Threshold}; {localization.Flat} flat maps skipped."
        );
        foreach (var group in localization.Groups.Where(group => group.Scenes > 0))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"");
            text.AppendLine(CultureInfo.InvariantCulture, $"{group.Name}: {group.Scenes:N0}");
            text.AppendLine(CultureInfo.InvariantCulture, $"");
            text.AppendLine(CultureInfo.InvariantCulture, $"| method | IoU | mass in the object's box | highest point in it |");
            text.AppendLine(CultureInfo.InvariantCulture, $"|---|---|---|---|");
            foreach (var method in group.Methods)
                text.AppendLine(
                    CultureInfo.InvariantCulture,
                    $"| {method.Method} | {Number(method.Iou, "F3")} | {(method.Energy is { } energy ? Share(energy) : "")} | "
                        + $"{(method.Pointing is { } pointing ? Share(pointing) : "")} |"
                );
            text.AppendLine(CultureInfo.InvariantCulture, $"");
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"AG-CAM's IoU over rollout's: {Number(group.OverRollout, "+0.000;-0.000")}; over the centre box's: "
                    + $"{Number(group.OverCentreBox, "+0.000;-0.000")}."
            );
        }
    }

    private static string Share(Interval of) => string.Create(CultureInfo.InvariantCulture, $"{of.Mean:P1} ({of.Low:P1} to {of.High:P1})");

    private static string Number(Interval of, string format) =>
        $"{of.Mean.ToString(format, CultureInfo.InvariantCulture)} ({of.Low.ToString(format, CultureInfo.InvariantCulture)} to "
        + $"{of.High.ToString(format, CultureInfo.InvariantCulture)})";
}
