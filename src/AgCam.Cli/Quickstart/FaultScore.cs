using AgCam.Audit;
using AgCam.Audit.Interventions;
using AgCam.Scenes.Faults;

namespace AgCam.Cli.Quickstart;

/// <summary>How well a finding found planted faults.</summary>
/// <param name="Planted">Number of planted images; of pairs where the finding groups images.</param>
/// <param name="Found">Number that the finding counts.</param>
/// <param name="Right">Number of both.</param>
internal sealed record FaultScore(string Finding, int Planted, int Found, int Right)
{
    public double Precision => Found == 0 ? 1 : (double)Right / Found;

    public double Recall => Planted == 0 ? 1 : (double)Right / Planted;

    /// <summary>Compares a report that lists everything with what was planted.</summary>
    /// <param name="folder">Folder of the dataset.</param>
    public static IReadOnlyList<FaultScore> Of(AuditReport report, PlantedFaults faults, string folder)
    {
        return
        [
            Images("label", [.. faults.WrongLabels.Select(wrong => wrong.Path)], leftOut: Unrecognizable(faults)),
            Pairs("exact-duplicate", faults.Exact),
            Pairs("re-encoded-duplicate", faults.ReEncoded),
            Pairs("near-duplicate", faults.Near),
            Pairs("split-leak", faults.Leaks()),
            Images("low-information", faults.Blank),
            Images("dark", faults.Dark),
            Images("blurry", faults.Blurred),
        ];

        FaultScore Images(string name, IReadOnlyList<string> planted, IReadOnlyList<string>? leftOut = null)
        {
            var found = Counted(report.Of(name), folder).Except(leftOut ?? []).ToList();
            return new FaultScore(name, planted.Count, found.Count, found.Intersect(planted).Count());
        }

        FaultScore Pairs(string name, IEnumerable<Copied> copies)
        {
            var planted = copies.Select(copied => Pair(copied.Path, copied.Original)).ToHashSet();
            var found = report.Of(name).Groups.SelectMany(group => PairsIn(group, folder)).ToHashSet();
            return new FaultScore(name, planted.Count, found.Count, found.Intersect(planted).Count());
        }
    }

    /// <summary>Returns the number of counted labels of pictures in which no class can be seen. The scores leave them out.</summary>
    public static int UnrecognizableLabels(AuditReport report, PlantedFaults faults, string folder) =>
        Counted(report.Of("label"), folder).Intersect(Unrecognizable(faults)).Count();

    private static IReadOnlyList<string> Unrecognizable(PlantedFaults faults) => [.. faults.Blank, .. faults.Dark, .. faults.Blurred];

    /// <summary>Returns the share of the wrong labels among twice as many images with the lowest scores.</summary>
    public static double LabelRecallInTwice(AuditReport report, PlantedFaults faults, string folder)
    {
        var wrong = faults.WrongLabels.Select(label => label.Path).ToHashSet();
        var lowest = report.Of("label").Items.Take(2 * wrong.Count).Select(item => Relative(folder, item.Path!));
        return (double)lowest.Count(wrong.Contains) / wrong.Count;
    }

    /// <summary>Returns the classes that an intervention confirmed.</summary>
    public static IReadOnlyList<ListedClass> Confirmed(AuditReport report) =>
        [.. report.Of("fixed-position").Classes.Where(listed => listed.Status == CandidateStatus.Confirmed)];

    private static IEnumerable<string> Counted(FindingReport finding, string folder) =>
        finding.Items.Where(item => item.IsIssue).Select(item => Relative(folder, item.Path!));

    private static IEnumerable<(string, string)> PairsIn(ListedGroup group, string folder)
    {
        var paths = group.Members.Select(member => Relative(folder, member.Path!)).ToList();
        return paths.SelectMany((first, i) => paths.Skip(i + 1).Select(second => Pair(first, second)));
    }

    private static (string, string) Pair(string one, string other) => string.CompareOrdinal(one, other) < 0 ? (one, other) : (other, one);

    private static string Relative(string folder, string path) => Path.GetRelativePath(folder, path);
}
