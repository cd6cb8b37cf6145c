using System.Diagnostics;
using AgCam.Cli.Bench;
using AgCam.Pipeline;
using AgCam.Pipeline.Jobs;
using AgCam.Testing;

namespace AgCam.Benchmarks;

/// <summary>Fills a store of its own and measures what `store check` of it takes.</summary>
internal static class Checking
{
    /// <param name="server">mongodb://; null for SQLite.</param>
    public static async Task RunAsync(int images, string? server)
    {
        await using var scratch = server is null ? Scratch.OneProcess() : Scratch.On(server, PipelineOptions.InMemory);
        await using (var store = PipelineRegistration.OpenStore(scratch.Options))
        {
            await store.MigrateAsync();
            await SyntheticJob.FillAsync(store, new SyntheticImages(1), images);
        }
        GC.Collect();
        var (before, peak) = (Anonymous(), 0.0);
        var (startedAt, cpu) = (Stopwatch.GetTimestamp(), Process.GetCurrentProcess().TotalProcessorTime);
        var checking = StoreCheck.RunAsync(scratch.Options, repair: false, Console.WriteLine);
        while (!checking.IsCompleted)
        {
            peak = Math.Max(peak, Anonymous());
            await Task.WhenAny(checking, Task.Delay(50));
        }
        var found = await checking;
        var (took, used) = (Stopwatch.GetElapsedTime(startedAt), Process.GetCurrentProcess().TotalProcessorTime - cpu);
        Console.WriteLine(
            FormattableString.Invariant(
                $"{images:N0} images, {found.Differences} differences: {took.TotalSeconds:F0} s, {used.TotalSeconds:F0} s of CPU; "
            ) + FormattableString.Invariant($"anonymous memory {before:F0} MB before, {peak:F0} MB at most")
        );
    }

    /// <summary>Returns the process's anonymous memory in MB. Pages of a mapped file are not counted.</summary>
    private static double Anonymous() => Memory.Resident("RssAnon");
}
