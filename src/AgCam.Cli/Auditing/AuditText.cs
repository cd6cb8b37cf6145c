using System.Globalization;
using AgCam.Audit;
using AgCam.Audit.Findings;
using AgCam.Audit.Gates;
using AgCam.Audit.Interventions;
using AgCam.Cli.Terminal;

namespace AgCam.Cli.Auditing;

/// <summary>The report of an audit as a person reads it, at most 80 columns wide where paths allow.</summary>
internal sealed class AuditText(AuditReport report, AuditInput input, IReadOnlyList<Gate> gates, string? folder)
{
    private const int Examples = 3;
    private const int Columns = 80;
    private const string Indent = "           ";

    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    public void Write(TextWriter to)
    {
        to.WriteLine(string.Create(Culture, $"{report.Images:N0} images, {report.Labelled:N0} with a known label"));
        if (input.Failed > 0)
            to.WriteLine(string.Create(Culture, $"{input.Failed:N0} more images have no explanation, because they failed"));
        Labels(to);
        foreach (var finding in report.Findings.Where(finding => finding.Scored > 0))
            Finding(to, finding);
        to.WriteLine();
        foreach (var missing in report.Findings.Where(finding => finding.Scored == 0).GroupBy(finding => finding.Needs))
            Wrapped(to, "", $"Not judged: {string.Join(", ", missing.Select(finding => finding.Name))}. Needs {missing.Key}.");
        foreach (var gate in gates)
            Wrapped(to, "", $"Gate {gate.Outcome(report.Findings.Single(finding => finding.Name == gate.Finding))}.");
        Next(to);
    }

    private void Labels(TextWriter to)
    {
        var labels = input.Labels;
        if (labels.Unlabelled > 0)
            to.WriteLine(string.Create(Culture, $"{labels.Unlabelled:N0} images have no label"));
        if (labels.Unknown.Count > 0)
        {
            var worst = labels.Unknown.OrderByDescending(entry => entry.Value).ThenBy(entry => entry.Key, StringComparer.Ordinal).First();
            Wrapped(
                to,
                "",
                string.Create(Culture, $"{labels.Unknown.Values.Sum():N0} images have a label that is no class, such as ")
                    + $"\"{Screen.Printable(worst.Key)}\" ({worst.Value}): {input.Classes.Near(worst.Key)}"
            );
        }
        if (labels.Agreement.Permuted() is { } permuted)
            Wrapped(
                to,
                "",
                string.Create(
                    Culture,
                    $"The labels look permuted: {100 * permuted.Accuracy:0.0} % of the predictions would be right in another class "
                ) + "order. Check the order of the classes first."
            );
    }

    private void Finding(TextWriter to, FindingReport finding)
    {
        to.WriteLine();
        var kind = finding.Level switch
        {
            FindingLevel.Class => "classes",
            FindingLevel.Dataset => "slices",
            _ => "images",
        };
        to.WriteLine(
            string.Create(
                Culture,
                $"{finding.Name}: {finding.Count:N0} of {finding.Scored:N0} {kind} to review ({100 * finding.Share:0.0} %)"
            ) + Confirmed(finding)
        );
        if (finding.Count == 0)
            return;
        Wrapped(to, "  ", $"Counted: {finding.Rule}.");
        if (finding.IsProperty)
            Wrapped(to, "  ", "More than half of the images count: a property of the dataset or the model.");
        foreach (var image in finding.Items.Where(image => image.IsIssue && !finding.IsProperty).Take(Examples))
        {
            to.WriteLine(Image(image.Number, image.Path));
            Wrapped(to, Indent, Screen.Printable(image.Reason));
        }
        foreach (var (group, members) in finding.Groups.Take(Examples))
        {
            foreach (var (number, path) in members.Take(Examples))
                to.WriteLine(Image(number, path));
            var more = members.Count > Examples ? string.Create(Culture, $", {members.Count - Examples:N0} more") : "";
            Wrapped(to, Indent, $"{group.Kind}{(group.Splits.Count > 0 ? $", in {string.Join(" and ", group.Splits)}" : "")}{more}");
        }
        foreach (
            var listed in finding
                .Classes.Where(found => found.Class.IsIssue)
                .OrderByDescending(found => found.Status == CandidateStatus.Confirmed)
                .Take(Examples)
        )
        {
            var (judged, examples) = listed;
            Wrapped(to, "  ", Screen.Printable($"{input.Classes.Text(judged.Class)}: {judged.Reason}"));
            if (listed.Status is { } status)
                Wrapped(to, "    ", Screen.Printable($"{status.Text()}: {Outcome(listed.Test)}"));
            foreach (var (number, path) in examples)
                to.WriteLine(Image(number, path));
        }
        foreach (var slice in finding.Slices.Where(found => found.Slice.IsIssue).Take(Examples))
            Slice(to, slice);
    }

    private static void Slice(TextWriter to, ListedSlice listed)
    {
        var (slice, examples) = listed;
        Wrapped(to, "  ", Screen.Printable($"{slice.Column} = {slice.Value}: {slice.Reason}"));
        foreach (var (number, path) in examples)
            to.WriteLine(Image(number, path));
    }

    private static string Confirmed(FindingReport finding) =>
        finding.Candidates(CandidateStatus.Confirmed) is > 0 and var confirmed
            ? string.Create(Culture, $", {confirmed:N0} {(confirmed == 1 ? "class" : "classes")} confirmed")
            : "";

    private static string Outcome(TestedCandidate? test) =>
        test is null ? "not tested on the model; --confirm 64 does it" : test.Problem ?? test.Confirmation.Text();

    private static string Image(long number, string? path) =>
        string.Create(Culture, $"  {number, 7}  {Screen.Printable(path ?? "")}").TrimEnd();

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
        if (input.Job is { } job)
            to.WriteLine($"The same audit again, without explaining: agcam audit {job.ToString()[..18]}");
        to.WriteLine(
            folder is null
                ? "Next: --out DIR writes every score, and corrected-labels.csv to edit."
                : $"Next: review {Path.Combine(folder, "corrected-labels.csv")}; every score is in findings.csv."
        );
    }
}
