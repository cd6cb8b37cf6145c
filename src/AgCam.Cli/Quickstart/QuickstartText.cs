using System.Globalization;
using AgCam.Audit;
using AgCam.Cli.Auditing;
using AgCam.Cli.Terminal;
using AgCam.Scenes.Faults;

namespace AgCam.Cli.Quickstart;

/// <summary>The outcome of a quickstart as a person reads it, at 80 columns.</summary>
/// <param name="folder">Folder as it was given.</param>
/// <param name="full">Its full path.</param>
internal sealed class QuickstartText(AuditReport report, PlantedFaults faults, string folder, string full)
{
    private const int Columns = 80;

    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    private static readonly Dictionary<string, string> Planted = new()
    {
        ["label"] = "wrong labels",
        ["exact-duplicate"] = "copies of files",
        ["re-encoded-duplicate"] = "copies as JPEG or WebP",
        ["near-duplicate"] = "copies with a shift",
        ["split-leak"] = "copies in another split",
        ["low-information"] = "blank pictures",
        ["dark"] = "dark pictures",
        ["blurry"] = "blurred pictures",
    };

    public void Write(TextWriter to)
    {
        to.WriteLine(
            string.Create(Culture, $"{report.Images:N0} pictures of {faults.WatermarkedClass} and nine other classes, with planted faults")
        );
        to.WriteLine();
        to.WriteLine(string.Create(Culture, $"{"finding", -22}{"planted", -26}{"", 7}{"found", 7}{"precision", 11}{"recall", 7}"));
        foreach (var score in FaultScore.Of(report, faults, full))
            to.WriteLine(
                string.Create(
                    Culture,
                    $"{score.Finding, -22}{Planted[score.Finding], -26}{score.Planted, 7}{score.Found, 7}"
                        + $"{score.Precision, 11:0.00}{score.Recall, 7:0.00}"
                )
            );
        to.WriteLine();
        Wrapped(
            to,
            string.Create(
                Culture,
                $"Of the wrong labels, {100 * FaultScore.LabelRecallInTwice(report, faults, full):0} % are among the "
                    + $"{2 * faults.WrongLabels.Count} lowest scores. The label finding also counts "
                    + $"{FaultScore.UnrecognizableLabels(report, faults, full)} of the blank, dark and blurred pictures, "
                    + $"which the table leaves out there: no class can be seen in them."
            )
        );
        to.WriteLine();
        Wrapped(to, $"A watermark was planted in {faults.Watermarked.Count} pictures of {faults.WatermarkedClass}. {Shortcut()}");
        to.WriteLine();
        to.WriteLine(string.Create(Culture, $"Report:   {Path.Combine(folder, QuickstartRun.Results, AuditRun.Page)}"));
        to.WriteLine(string.Create(Culture, $"Planted:  {Path.Combine(folder, FaultyFolder.Planted)}"));
        to.WriteLine();
        var store = Path.Combine(folder, QuickstartRun.Store);
        to.WriteLine("Next:");
        to.WriteLine(string.Create(Culture, $"  agcam audit {Path.Combine(folder, FaultyFolder.Manifest)} --store {store}"));
        to.WriteLine(string.Create(Culture, $"  agcam explain {Path.Combine(folder, "images")} --out {Path.Combine(folder, "overlays")}"));
        to.WriteLine("  agcam audit photos/ --model vit/ --labels parent --out audit");
    }

    private string Shortcut()
    {
        var confirmed = FaultScore.Confirmed(report);
        var candidates = report.Of("fixed-position").Classes.Count(listed => listed.Status is not null);
        var count = candidates == 1 ? "1 class is a candidate" : $"{candidates} classes are candidates";
        return confirmed.Count == 0
            ? $"By their heatmaps {count} for a shortcut; none was confirmed on the model."
            : $"By their heatmaps {count} for a shortcut. Confirmed on the model: "
                + string.Join("; ", confirmed.Select(listed => $"{Name(listed)}, {listed.Test!.Confirmation.Text()}"))
                + ".";
    }

    private static string Name(ListedClass listed) => AgCam.Scenes.SceneClass.Names[listed.Class.Class];

    private static void Wrapped(TextWriter to, string text) => to.WriteLine(Field.Wrapped(text, Columns, 0));
}
