using System.Text.Json;
using AgCam.Audit.Output;
using AgCam.Pipeline.Records;

namespace AgCam.Audit.Stored;

/// <summary>Turns a report into the rows that a store keeps: one per image, member of a group, class and slice.</summary>
internal static class FindingRows
{
    /// <param name="others">Number of images of each finding that are kept although it does not count them.</param>
    public static IEnumerable<StoredFinding> Of(AuditReport report, int others, ClassNames classes)
    {
        var number = 0;
        foreach (var finding in report.Findings)
        {
            foreach (var image in finding.Items.Where((image, rank) => image.IsIssue || rank < others))
                yield return new StoredFinding(
                    number++,
                    finding.Name,
                    (int)image.Number,
                    image.Class,
                    image.IsIssue,
                    ReportJson.Object(json => ReportJson.WriteFields(json, image, classes))
                );
            for (var group = 0; group < finding.Groups.Count; group++)
                foreach (var (image, path) in finding.Groups[group].Members)
                    yield return new StoredFinding(
                        number++,
                        finding.Name,
                        (int)image,
                        null,
                        true,
                        ReportJson.Object(json => WriteMember(json, finding.Groups[group], group, image, path))
                    );
            foreach (var judged in finding.Classes)
                yield return new StoredFinding(
                    number++,
                    finding.Name,
                    null,
                    judged.Class.Class,
                    judged.Class.IsIssue,
                    ReportJson.Object(json => ReportJson.WriteFields(json, judged, classes))
                );
            foreach (var slice in finding.Slices)
                yield return new StoredFinding(
                    number++,
                    finding.Name,
                    null,
                    null,
                    slice.Slice.IsIssue,
                    ReportJson.Object(json => ReportJson.WriteFields(json, slice))
                );
        }
    }

    private static void WriteMember(Utf8JsonWriter json, ListedGroup found, int group, long image, string? path)
    {
        json.WriteNumber("number", image);
        json.WriteString("path", path);
        json.WriteNumber("group", group);
        json.WriteNumber("size", found.Members.Count);
        ReportJson.WriteFields(json, found.Group);
    }
}
