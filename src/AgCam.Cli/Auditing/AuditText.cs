using System.Globalization;
using AgCam.Audit;
using AgCam.Audit.Gates;
using AgCam.Audit.Predictions;
using AgCam.Cli.Terminal;

namespace AgCam.Cli.Auditing;

/// <summary>The report of an audit as a person reads it, at most 80 columns wide where paths allow.</summary>
internal sealed class AuditText(AuditReport report, LabelledProbabilities rows, IReadOnlyList<Gate> gates, string? folder)
{
    private const int Examples = 3;
    private const int Columns = 80;

    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    public void Write(TextWriter to)
    {
        to.WriteLine(string.Create(Culture, $"{report.Images:N0} images, {report.Labelled:N0} with a known label"));
        Labels(to);
        foreach (var finding in report.Findings)
            Finding(to, finding);
        to.WriteLine();
        foreach (var gate in gates)
            to.WriteLine($"Gate {gate.Outcome(report.Findings.Single(finding => finding.Name == gate.Finding))}.");
        Next(to);
    }

    private void Labels(TextWriter to)
    {
        if (rows.Unlabelled > 0)
            to.WriteLine(string.Create(Culture, $"{rows.Unlabelled:N0} images have no label"));
        if (rows.Unknown.Count > 0)
        {
            var worst = rows.Unknown.OrderByDescending(entry => entry.Value).ThenBy(entry => entry.Key, StringComparer.Ordinal).First();
            Wrapped(
                to,
                "",
                string.Create(Culture, $"{rows.Unknown.Values.Sum():N0} images have a label that is no class, such as ")
                    + $"\"{Screen.Printable(worst.Key)}\" ({worst.Value}): {rows.Classes.Near(worst.Key)}"
            );
        }
        if (rows.Agreement.Permuted() is { } permuted)
            Wrapped(
                to,
                "",
                string.Create(
                    Culture,
                    $"The labels look permuted: {100 * permuted.Accuracy:0.0} % of the predictions would be right in another class "
                ) + "order. Check the order of the classes first."
            );
    }

    private static void Finding(TextWriter to, FindingReport finding)
    {
        to.WriteLine();
        to.WriteLine(
            string.Create(
                Culture,
                $"{finding.Name}: {finding.Count:N0} of {finding.Scored:N0} images to review ({100 * finding.Share:0.0} %)"
            )
        );
        Wrapped(to, "  ", $"Counted: {finding.Rule}.");
        if (finding.IsProperty)
        {
            Wrapped(to, "  ", "More than half of the images count: a property of the dataset or the model.");
            return;
        }
        foreach (var image in finding.Items.Take(Examples))
        {
            to.WriteLine(string.Create(Culture, $"  {image.Number, 7}  {Screen.Printable(image.Path ?? "")}").TrimEnd());
            to.WriteLine($"           {Screen.Printable(image.Reason)}");
        }
    }

    private static void Wrapped(TextWriter to, string indent, string text) =>
        to.WriteLine(indent + Field.Wrapped(text, Columns, indent.Length));

    private void Next(TextWriter to)
    {
        Wrapped(
            to,
            "",
            "Images are numbered from 0, in the order of the input. The scores rank images for review; they hold only for predictions of "
                + "models that were not trained on these images."
        );
        to.WriteLine(
            folder is null
                ? "Next: --out DIR writes every score, and corrected-labels.csv to edit."
                : $"Next: review {Path.Combine(folder, "corrected-labels.csv")}; every score is in findings.csv."
        );
    }
}
