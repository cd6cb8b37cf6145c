using System.Globalization;
using AgCam.Audit;
using AgCam.Audit.Findings;
using AgCam.Audit.Gates;
using AgCam.Audit.Interventions;
using AgCam.Cli.Evaluating;

namespace AgCam.Cli.Auditing;

/// <summary>
/// Writes the report of an audit as one HTML file that loads nothing: what was found, with the images and where the model looked. It
/// prints in black and white: no meaning rests on a colour alone.
/// </summary>
/// <param name="pictures">Pictures of images by number, WebP. See <see cref="Shown"/>.</param>
/// <param name="intervention">Returns a picture of an intervention by its name, PNG; null when there is none.</param>
/// <param name="date">Day of the audit, UTC.</param>
internal sealed class AuditPage(
    AuditReport report,
    AuditInput input,
    IReadOnlyList<Gate> gates,
    IReadOnlyDictionary<long, byte[]> pictures,
    Func<string, byte[]?> intervention,
    DateOnly date
)
{
    private const int Images = 12;
    private const int Groups = 6;
    private const int PerGroup = 4;
    private const int Classes = 8;

    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    /// <summary>Returns the numbers of the images that the page shows.</summary>
    public static IEnumerable<long> Shown(AuditReport report) =>
        report.Findings.SelectMany(finding =>
            ShownImages(finding)
                .Select(image => image.Number)
                .Concat(ShownGroups(finding).SelectMany(group => group.Members.Take(PerGroup).Select(member => member.Number)))
                .Concat(ShownClasses(finding).SelectMany(found => found.Examples.Select(example => example.Number)))
                .Concat(ShownSlices(finding).SelectMany(found => found.Examples.Select(example => example.Number)))
        );

    public void Write(TextWriter to)
    {
        to.WriteLine(Html.Head($"Audit of {Html.Text(Name())}"));
        string[] sections = [Subject(), Gates(), Overview(), .. report.Findings.Where(HasSection).Select(Finding), Limits()];
        foreach (var section in sections.Where(section => section.Length > 0))
            to.WriteLine(section);
        to.WriteLine("</body>\n</html>");
    }

    private static IEnumerable<ListedImage> ShownImages(FindingReport finding) =>
        finding.Items.Where(image => image.IsIssue).Take(finding.IsProperty ? Images / 2 : Images);

    private static IEnumerable<ListedGroup> ShownGroups(FindingReport finding) => finding.Groups.Take(Groups);

    private static IEnumerable<ListedClass> ShownClasses(FindingReport finding) =>
        finding
            .Classes.Where(found => found.Class.IsIssue)
            .OrderByDescending(found => found.Status == CandidateStatus.Confirmed)
            .Take(Classes);

    private static IEnumerable<ListedSlice> ShownSlices(FindingReport finding) =>
        finding.Slices.Where(found => found.Slice.IsIssue).Take(Classes);

    /// <summary>Returns the last part of the source.</summary>
    private string Name() => input.Source.TrimEnd('/').Split('/', ':')[^1];

    private string Subject()
    {
        var failed = input.Failed == 0 ? "" : $"; {Html.Count(input.Failed)} more failed and have no explanation";
        (string, string)[] facts =
        [
            ("source", Html.Text(input.Source)),
            ("model", Html.Text(input.Model)),
            ("images", $"{Html.Count(report.Images)}, {Html.Count(report.Labelled)} of them with a known label{failed}"),
            ("date", date.ToString("yyyy-MM-dd", Culture)),
            ("version", Html.Text($"agcam {Provenance.Software.Version}")),
        ];
        var permuted = input.Labels.Agreement.Permuted() is { } order
            ? string.Create(
                Culture,
                $"<p class=\"note\">The labels look permuted: {100 * order.Accuracy:0.0} % of the predictions would be right in another "
            ) + "class order. Check the order of the classes first.</p>"
            : "";
        return Html.Definitions(facts)
            + permuted
            + "\n<p>Lists begin with what to review first. An image that is listed is a candidate, not an error; an image that is "
            + "not listed "
            + "may still be wrong.</p>";
    }

    private string Gates() =>
        gates.Count == 0
            ? ""
            : "<h2>Gates</h2>\n"
                + Html.Each(
                    gates,
                    gate =>
                        $"<p><b>{(gate.IsViolated(report.Of(gate.Finding)) ? "Violated" : "Passed")}</b>: "
                        + $"{Html.Text(gate.Outcome(report.Of(gate.Finding)))}</p>\n"
                );

    private string Overview() =>
        "<h2>Findings</h2>\n<div class=\"overview\">"
        + Html.Table(
            ["finding", "counted", "share", "what counts"],
            report
                .Findings.Where(finding => finding.Scored > 0)
                .Select(finding =>
                    new[]
                    {
                        HasSection(finding) ? $"<a href=\"#{finding.Name}\">{finding.Name}</a>" : finding.Name,
                        $"{Html.Count(finding.Count)} of {Html.Count(finding.Scored)} {Unit(finding)}",
                        string.Create(Culture, $"{100 * finding.Share:0.0} %"),
                    }
                        .Select(Html.Cell)
                        .Append($"<td class=\"text\">{Html.Text(finding.Rule)}</td>")
                )
        )
        + "</div>"
        + Html.Each(
            report.Findings.Where(finding => finding.Scored == 0).GroupBy(finding => finding.Needs),
            missing =>
                $"\n<p class=\"note\">Not judged: {Html.Text(string.Join(", ", missing.Select(finding => finding.Name)))}. "
                + $"Needs {Html.Text(missing.Key)}.</p>"
        );

    private static bool HasSection(FindingReport finding) => finding.Count > 0;

    private static string Unit(FindingReport finding) =>
        finding.Level switch
        {
            FindingLevel.Class => "classes",
            FindingLevel.Dataset => "slices",
            _ => "images",
        };

    private string Finding(FindingReport finding)
    {
        var property = finding.IsProperty
            ? "<p class=\"note\">More than half of the images count: this describes the dataset or the model, not single images.</p>\n"
            : "";
        return $"""
            <h2 id="{finding.Name}">{finding.Name}: {Html.Count(finding.Count)} of {Html.Count(finding.Scored)} {Unit(finding)}</h2>
            <p>Counted: {Html.Text(finding.Rule)}.</p>
            {property}{Pictures(ShownImages(finding).Select(image => (image.Number, $"{Relative(image.Path)}: {image.Reason}")))}
            <div class="groups">{Html.Each(ShownGroups(finding), Group)}</div>
            {Html.Each(ShownClasses(finding), Class)}{Html.Each(ShownSlices(finding), Slice)}
            """;
    }

    private string Group(ListedGroup found)
    {
        var (group, members) = found;
        var splits = group.Splits.Count > 0 ? $", in {string.Join(" and ", group.Splits)}" : "";
        var more = members.Count > PerGroup ? $", {Html.Count(members.Count - PerGroup)} more" : "";
        return $"<div class=\"group\"><p>{Html.Text($"{group.Kind}{splits}{more}")}</p>\n"
            + $"{Pictures(members.Take(PerGroup).Select(member => (member.Number, Relative(member.Path))))}</div>\n";
    }

    private string Class(ListedClass found)
    {
        var name = Html.Text(input.Classes.Text(found.Class.Class));
        var status = found.Status is { } known ? $" <b>({Html.Text(known.Text())})</b>" : "";
        var test =
            found.Test is null ? ""
            : found.Test.Problem is { } problem ? $"<p>Not decided: {Html.Text(problem)}.</p>\n"
            : $"<p>On the model: {Html.Text(found.Test.Confirmation.Text())}.</p>\n";
        var tests = (found.Test?.Pictures ?? [])
            .Select(picture => intervention(picture))
            .OfType<byte[]>()
            .Select((png, i) => Html.Figure(png, $"Intervention {i + 1}: original, heatmap, erased, pasted into another image"));
        return $"<h3>{name}{status}</h3>\n<p>{Html.Text(found.Class.Reason)}.</p>\n{test}"
            + $"<div class=\"row\">{string.Concat(tests)}</div>\n"
            + Pictures(found.Examples.Select(example => (example.Number, Relative(example.Path))));
    }

    private string Slice(ListedSlice found) =>
        $"<h3>{Html.Text($"{found.Slice.Column} = {found.Slice.Value}")}</h3>\n<p>{Html.Text(found.Slice.Reason)}.</p>\n"
        + Pictures(found.Examples.Select(example => (example.Number, Relative(example.Path))));

    private string Pictures(IEnumerable<(long Number, string Caption)> images)
    {
        var figures = images.Select(image =>
            pictures.TryGetValue(image.Number, out var picture)
                ? Html.Figure(picture, $"{image.Number}: {image.Caption}", "webp")
                : $"<figure><figcaption>{Html.Text($"{image.Number}: {image.Caption}")}</figcaption></figure>"
        );
        var all = string.Concat(figures);
        return all.Length == 0 ? "" : $"<div class=\"thumbnails\">{all}</div>\n";
    }

    /// <summary>Returns the path below the folder of the source.</summary>
    private string Relative(string? path)
    {
        var source = input.Source[(input.Source.IndexOf(':', StringComparison.Ordinal) + 1)..];
        foreach (var folder in new[] { source, Path.GetDirectoryName(source) })
            if (folder is { Length: > 1 } && path?.StartsWith(folder + '/', StringComparison.Ordinal) == true)
                return path[(folder.Length + 1)..];
        return path ?? "";
    }

    private static string Limits() =>
        "<h2>What an audit cannot see</h2>\n<p>Labels are judged by the model's own probabilities: a model that was trained on "
        + "these images "
        + "has often learned their wrong labels. A heatmap suggests what the model uses and may miss what has no place, such as blur. "
        + "docs/audit.md says for each finding what it cannot see.</p>";
}
