using System.Globalization;
using System.Text;
using AgCam.Metrics;

namespace AgCam.Scenes.Report;

/// <summary>The figures as text, in Markdown.</summary>
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
        Line(text, $"## Accuracy");
        Line(text, $"{figures.Accuracy.Share:P2} of {figures.Accuracy.Scenes:N0} fresh scenes (seed {figures.Options.Seed}).");
        Line(text, $"");
        Line(text, $"| class | right |");
        Line(text, $"|---|---|");
        foreach (var (name, share) in figures.Accuracy.PerClass) Line(text, $"| {name} | {share:P1} |");
        Line(text, $"");
    }

    private static void Shortcut(StringBuilder text, ShortcutFigures shortcut)
    {
        var mark = SceneClass.Names[SceneClass.Watermarked];
        Line(text, $"## The shortcut");
        Line(text, $"* Pasted onto {shortcut.Pasted:N0} scenes of other classes, the watermark flips {Share(shortcut.Flipped)} of the predictions to \"{mark}\"; {shortcut.RightBefore:P1} were right before, {shortcut.RightAfter:P1} after.");
        Line(text, $"* Taken off {shortcut.Marked:N0} scenes of \"{mark}\" that carry it, it takes accuracy from {shortcut.RightMarked:P1} to {Share(shortcut.RightUnmarked)}.");
        Line(text, $"");
        if (shortcut.Heatmaps.Count == 0) return;
        Line(text, $"| heatmap of a flipped picture | pictures | mass on the watermark | by chance | times chance | highest point in its patches | by chance |");
        Line(text, $"|---|---|---|---|---|---|---|");
        foreach (var map in shortcut.Heatmaps)
            Line(text, $"| {map.Map} | {map.Pictures:N0} | {Share(map.Energy)} | {map.Chance:P1} | {Number(map.Lift, "F1")} | {Share(map.Pointing)} | {map.PointingChance:P1} |");
        Line(text, $"");
    }

    private static void Knockout(StringBuilder text, KnockoutFigures knockout)
    {
        Line(text, $"### How the mark is read");
        Line(text, $"Of {knockout.Pictures} pictures with the mark pasted on, {knockout.Flipped:P1} are taken for \"{SceneClass.Names[SceneClass.Watermarked]}\". With the class token kept from seeing the mark's patches it is {knockout.BlindClassToken:P1}; with all other patches kept from seeing them, {knockout.BlindPatches:P1}.");
        Line(text, $"");
        Line(text, $"| block | class token's attention on the mark | this block's heat on it | highest patch on it | this block's share of the whole map |");
        Line(text, $"|---|---|---|---|---|");
        foreach (var block in knockout.Blocks)
            Line(text, $"| {block.Block} | {block.Attention:P1} | {block.Energy:P1} | {block.Pointing:P0} | {block.Mass:P0} |");
        Line(text, $"| by chance | {knockout.Chance:P1} | {knockout.Chance:P1} | {knockout.Chance:P1} | |");
        Line(text, $"");
    }

    private static void Localization(StringBuilder text, LocalizationFigures localization)
    {
        Line(text, $"## Localisation");
        Line(text, $"Scenes predicted right; boxes at threshold {localization.Threshold}; {localization.Flat} flat maps skipped.");
        foreach (var group in localization.Groups.Where(group => group.Scenes > 0))
        {
            Line(text, $"");
            Line(text, $"{group.Name}: {group.Scenes:N0}");
            Line(text, $"");
            Line(text, $"| method | IoU | mass in the object's box | highest point in it |");
            Line(text, $"|---|---|---|---|");
            foreach (var method in group.Methods)
                Line(text, $"| {method.Method} | {Number(method.Iou, "F3")} | {(method.Energy is { } energy ? Share(energy) : "")} | {(method.Pointing is { } pointing ? Share(pointing) : "")} |");
            Line(text, $"");
            Line(text, $"AG-CAM's IoU over rollout's: {Number(group.OverRollout, "+0.000;-0.000")}; over the centre box's: {Number(group.OverCentreBox, "+0.000;-0.000")}.");
        }
    }

    private static string Share(Interval of) => string.Create(CultureInfo.InvariantCulture, $"{of.Mean:P1} ({of.Low:P1} to {of.High:P1})");

    private static string Number(Interval of, string format) =>
        $"{of.Mean.ToString(format, CultureInfo.InvariantCulture)} ({of.Low.ToString(format, CultureInfo.InvariantCulture)} to {of.High.ToString(format, CultureInfo.InvariantCulture)})";

    private static void Line(StringBuilder text, FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
