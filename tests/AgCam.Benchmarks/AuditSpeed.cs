using System.Diagnostics;
using AgCam.Audit;
using AgCam.Audit.Findings;
using AgCam.Audit.Stored;
using AgCam.Cli.Bench;
using AgCam.Pipeline;
using AgCam.Pipeline.Records;
using AgCam.Testing;

namespace AgCam.Benchmarks;

/// <summary>
/// Measures audits of stored explanations, 1,000 classes and embeddings of 768: all findings but interventions, and the same without
/// near-duplicates.
/// </summary>
internal static class AuditSpeed
{
    private const int Classes = 1000,
        Width = 768;

    /// <param name="server">mongodb://; null for SQLite.</param>
    public static async Task RunAsync(int images, string? server)
    {
        await using var scratch = server is null ? Scratch.OneProcess() : Scratch.On(server, PipelineOptions.InMemory);
        await using var store = PipelineRegistration.OpenStore(scratch.Options);
        await store.MigrateAsync();
        var id = await SyntheticJob.FillAsync(store, new SyntheticImages(1), images);
        var job = (await store.Jobs.FindAsync(id))!;
        var names = new ClassNames(Classes, [.. Enumerable.Range(0, Classes).Select(SyntheticImages.Name)]);
        var random = new Random(1);
        var weights = new float[Classes * Width];
        foreach (ref var weight in weights.AsSpan())
            weight = (random.NextSingle() - 0.5f) / 10;
        var classifier = new ClassifierRows(Classes, Width, weights);

        Console.WriteLine($"| {store.Kind}, {images:N0} images | time | CPU time | anonymous memory before | at most | findings stored |");
        Console.WriteLine("|---|---|---|---|---|---|");
        string[] others = [.. FindingList.Names.Where(name => name is not ("near-duplicate" or "split-leak"))];
        foreach (var (what, findings) in new[] { ("all findings", null), ("without near-duplicates", others) })
        {
            GC.Collect();
            var (before, peak) = (Memory.Resident("RssAnon"), 0.0);
            var (startedAt, cpu) = (Stopwatch.GetTimestamp(), Process.GetCurrentProcess().TotalProcessorTime);
            var spec = new AuditSpec { Findings = findings, Confirm = 0 };
            var audit = Task.Run(() =>
                JobAudit.RunAsync(store, job, spec, names, classifier, (report, _) => Task.FromResult(report), CancellationToken.None)
            );
            while (!audit.IsCompleted)
            {
                peak = Math.Max(peak, Memory.Resident("RssAnon"));
                await Task.WhenAny(audit, Task.Delay(50));
            }
            var result = await audit;
            var (took, used) = (Stopwatch.GetElapsedTime(startedAt), Process.GetCurrentProcess().TotalProcessorTime - cpu);
            Console.WriteLine(
                FormattableString.Invariant(
                    $"| {what} | {took.TotalSeconds:F1} s | {used.TotalSeconds:F1} s | {before:F0} MB | {peak:F0} MB | "
                ) + FormattableString.Invariant($"{result.Findings.Count:N0} |")
            );
        }
    }
}
