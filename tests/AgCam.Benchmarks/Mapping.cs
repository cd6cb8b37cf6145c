using System.Diagnostics;
using AgCam.Cli.Bench;
using AgCam.Pipeline.Stores.Sqlite;
using AgCam.Testing;

namespace AgCam.Benchmarks;

/// <summary>Compares sizes of SQLite's memory mapping: queries, inserts and resident memory, in turn on one file.</summary>
internal static class Mapping
{
    private const int Samples = 100,
        Inserts = 20_000;

    private static readonly long[] Sizes = [0, 64L << 20, 128L << 20, 1L << 30];

    public static async Task RunAsync(int images, int rounds)
    {
        await using var scratch = Scratch.OneProcess();
        Guid job;
        await using (var store = new SqliteStore(new SqliteOptions { Path = scratch.Options.Store }))
        {
            await store.MigrateAsync();
            job = await SyntheticJob.FillAsync(store, new SyntheticImages(1), images);
        }
        Console.WriteLine(FormattableString.Invariant($"{new FileInfo(scratch.Options.Store).Length / 1e6:F0} MB, {images:N0} images"));
        var measured = Sizes.ToDictionary(size => size, _ => new List<double[]>());
        for (var round = 0; round < rounds; round++)
            foreach (var size in round % 2 == 0 ? Sizes : Sizes.Reverse())
            {
                measured[size]
                    .Add(await MeasureAsync(scratch.Options.Store, size, job, images, seed: 2 + measured.Values.Sum(all => all.Count)));
                Console.WriteLine($"{Text(size)}: {string.Join(" ", measured[size][^1].Select(value => $"{value:F2}"))}");
            }
        Console.WriteLine(
            "| mapping | first page p50 ms | deep page p50 | worst p99 | insert, CPU us an image | resident MB | of a file |"
        );
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach (var size in Sizes)
        {
            double Median(int column) => measured[size].Select(row => row[column]).Order().ElementAt(rounds / 2);
            Console.WriteLine(
                FormattableString.Invariant($"| {Text(size)} | {Median(0):F2} | {Median(1):F2} | {Median(2):F1} ")
                    + FormattableString.Invariant($"| {Median(3):F0} | {Median(4):F0} | {Median(5):F0} |")
            );
        }
    }

    /// <summary>Returns the columns of the table. The first two are means over all lists.</summary>
    private static async Task<double[]> MeasureAsync(string path, long size, Guid job, int images, int seed)
    {
        await using var store = new SqliteStore(new SqliteOptions { Path = path, MappedBytes = size });
        var (first, deep, worst) = (new List<double>(), new List<double>(), 0.0);
        await foreach (var rate in QueryRate.MeasureAsync(store, job, images, Samples))
        {
            first.Add(rate.FirstP50);
            deep.Add(rate.DeepP50);
            worst = Math.Max(worst, Math.Max(rate.FirstP99, rate.DeepP99));
        }
        var memory = (Memory.Resident("VmRSS"), Memory.Resident("RssFile"));
        var before = Process.GetCurrentProcess().TotalProcessorTime;
        await SyntheticJob.FillAsync(store, new SyntheticImages(seed), Inserts);
        var cpu = (Process.GetCurrentProcess().TotalProcessorTime - before).TotalMicroseconds / Inserts;
        return [first.Average(), deep.Average(), worst, cpu, memory.Item1, memory.Item2];
    }

    private static string Text(long size) => size == 0 ? "none" : $"{size >> 20} MiB";
}
