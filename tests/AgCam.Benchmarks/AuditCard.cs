using System.Globalization;
using AgCam.Audit;
using AgCam.Audit.Interventions;
using AgCam.Cli.Quickstart;
using AgCam.Cli.Terminal;
using AgCam.Evaluation.Metrics;
using AgCam.Scenes;
using AgCam.Scenes.Faults;

namespace AgCam.Benchmarks;

/// <summary>
/// Prints the benchmark card of docs/audit.md: drawn datasets with planted faults at three rates, with the watermark in a corner of each
/// picture's own and in a fixed one, and datasets without a watermark. None of the seeds was used to choose a threshold.
/// </summary>
internal static class AuditCard
{
    private const int Pairs = 64;
    private const int TopRight = 1;

    /// <param name="count">Scenes per dataset.</param>
    /// <param name="controls">Number of datasets without a watermark, with 400 scenes each.</param>
    public static async Task RunAsync(int count, int controls)
    {
        var (columns, rows, marks) = (new List<string>(), new Dictionary<string, List<string>>(), new List<string>());
        var seed = 101;
        foreach (var rate in new[] { 0.02, 0.05, 0.1 })
        foreach (var corner in new int?[] { null, TopRight })
        {
            var column = string.Create(
                CultureInfo.InvariantCulture,
                $"{100 * rate:0} %, {(corner is null ? "any corner" : "fixed corner")}"
            );
            columns.Add(column);
            var options = new SceneOptions { WatermarkCorner = corner };
            await WithAuditAsync(
                new FaultyFolderOptions
                {
                    Folder = "",
                    Count = count,
                    Seed = seed++,
                    Rate = rate,
                    Scenes = options,
                },
                (report, faults, folder) =>
                {
                    foreach (var score in FaultScore.Of(report, faults, folder))
                        Add(score.Finding, $"{score.Precision:0.000} / {score.Recall:0.000}");
                    Add("label: recall in twice the number", $"{FaultScore.LabelRecallInTwice(report, faults, folder):0.000}");
                    marks.Add(Mark(report, faults, $"| {column} |"));
                }
            );
        }
        Console.WriteLine($"| precision / recall | {string.Join(" | ", columns)} |\n|---|{string.Concat(columns.Select(_ => "---|"))}");
        foreach (var (name, cells) in rows)
            Console.WriteLine($"| {name} | {string.Join(" | ", cells)} |");
        Console.WriteLine("\n| faults, mark | first class | candidates | confirmed | flip rate | control |\n|---|---|---|---|---|---|");
        foreach (var mark in marks)
            Console.WriteLine(mark);

        var (candidates, confirmed, with) = (0, 0, 0);
        for (var control = 0; control < controls; control++)
            await WithAuditAsync(
                new FaultyFolderOptions
                {
                    Folder = "",
                    Count = 400,
                    Seed = 201 + control,
                    Rate = 0.02,
                    Scenes = new SceneOptions { WatermarkShare = 0 },
                },
                (report, _, _) =>
                {
                    var finding = report.Of("fixed-position");
                    candidates += finding.Classes.Count(listed => listed.Status is not null);
                    with += finding.Classes.Any(listed => listed.Status is not null) ? 1 : 0;
                    confirmed += finding.Candidates(CandidateStatus.Confirmed);
                }
            );
        Write($"\n{controls} datasets without a watermark: {confirmed} classes confirmed, {candidates} candidates in {with} datasets");

        void Add(string name, FormattableString cell)
        {
            if (!rows.TryGetValue(name, out var cells))
                rows[name] = cells = [];
            cells.Add(cell.ToString(CultureInfo.InvariantCulture));
        }
    }

    private static string Mark(AuditReport report, PlantedFaults faults, string start)
    {
        var finding = report.Of("fixed-position");
        var confirmed = FaultScore.Confirmed(report);
        var first = SceneClass.Names[finding.Classes[0].Class.Class];
        var names = confirmed.Count == 0 ? "none" : string.Join(", ", confirmed.Select(listed => SceneClass.Names[listed.Class.Class]));
        var outcome = finding.Classes.FirstOrDefault(listed => SceneClass.Names[listed.Class.Class] == faults.WatermarkedClass)?.Test;
        var candidates = finding.Classes.Count(listed => listed.Status is not null);
        return string.Create(CultureInfo.InvariantCulture, $"{start} {first} | {candidates} | {names} | {Rate(outcome?.Confirmation)}");

        static string Rate(Confirmation? outcome) => outcome is null ? "| |" : $"{Text(outcome.FlipRate)} | {Text(outcome.Control)} |";

        static string Text(Interval rate) =>
            string.Create(CultureInfo.InvariantCulture, $"{rate.Mean:0.000} ({rate.Low:0.000} to {rate.High:0.000})");
    }

    private static async Task WithAuditAsync(FaultyFolderOptions options, Action<AuditReport, PlantedFaults, string> use)
    {
        var folder = Directory.CreateTempSubdirectory("agcam-card").FullName;
        try
        {
            var faults = FaultyFolder.Draw(options with { Folder = folder });
            use(await new QuickstartRun(new CommandConsole(), folder).AuditAsync(Pairs, CancellationToken.None), faults, folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Write(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
