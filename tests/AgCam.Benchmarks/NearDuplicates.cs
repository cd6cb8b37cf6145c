using System.Diagnostics;
using System.Globalization;
using AgCam.Audit;
using AgCam.Audit.Findings;
using AgCam.Pipeline.Records;

namespace AgCam.Benchmarks;

/// <summary>
/// Measures the search for near-duplicates: time, private memory, and recall of planted ones. Embeddings of width 768 lie around 1,000
/// classes, so that most pairs of one class have a cosine above the limit. Every hundredth image is a near copy of the one before.
/// </summary>
internal static class NearDuplicates
{
    private const int Width = 768;
    private const int Classes = 1000;
    private const int Every = 100;

    public static void Run(int images)
    {
        var random = new Random(1);
        var classes = new float[Classes][];
        for (var i = 0; i < Classes; i++)
            classes[i] = Noise(random, 1);
        var finding = new NearDuplicateFinding();
        var (watch, fitting) = (new Stopwatch(), TimeSpan.Zero);
        AuditRow? before = null;
        for (var number = 0; number < images; number++)
        {
            var row = number % Every == 0 && before is not null ? Copy(number, before, random) : Drawn(number, classes, random);
            watch.Restart();
            finding.Fit(row);
            fitting += watch.Elapsed;
            before = row;
        }
        using var process = Process.GetCurrentProcess();
        var cpu = process.TotalProcessorTime;
        watch.Restart();
        var groups = finding.Groups();
        var searching = watch.Elapsed;
        process.Refresh();
        cpu = process.TotalProcessorTime - cpu;
        var found = groups.Where(group => group.Numbers is [var first, var second] && second == first + 1 && second % Every == 0).Count();
        var planted = (images - 1) / Every;
        Console.WriteLine(
            "| images | adding | search | CPU time of the search | planted pairs found | other groups | private memory "
                + "|\n|---|---|---|---|---|---|---|"
        );
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"| {images:N0} | {fitting.TotalSeconds:F1} s | {searching.TotalSeconds:F1} s | {cpu.TotalSeconds:F1} s | "
                    + $"{found:N0} of {planted:N0} | "
                    + $"{groups.Count - found:N0} | {process.PrivateMemorySize64 >> 20:N0} MiB |"
            )
        );
    }

    private static AuditRow Drawn(int number, float[][] classes, Random random)
    {
        var picture = new PictureFacts(
            640,
            480,
            random.NextInt64(long.MinValue, long.MaxValue),
            (float)Math.Clamp(0.45 + (0.15 * Normal(random)), 0, 1),
            400,
            (float)Math.Clamp(7 + (0.6 * Normal(random)), 0, 8),
            0.1f,
            0.9f
        );
        return Row(number, picture, Near(classes[random.Next(Classes)], random, 0.3f));
    }

    private static AuditRow Copy(int number, AuditRow of, Random random)
    {
        var hash = of.Picture!.PerceptualHash;
        for (var i = 0; i < 8; i++)
            hash ^= 1L << random.Next(64);
        var picture = of.Picture with { PerceptualHash = hash, Brightness = of.Picture.Brightness + 0.01f };
        return Row(number, picture, Near(of.Embedding!, random, 0.1f));
    }

    private static AuditRow Row(int number, PictureFacts picture, float[] embedding) =>
        new(number, null)
        {
            Sha256 = Digest.Of(BitConverter.GetBytes(number)),
            Picture = picture,
            Embedding = embedding,
        };

    private static float[] Near(float[] centre, Random random, float scale)
    {
        var values = Noise(random, scale);
        for (var i = 0; i < Width; i++)
            values[i] += centre[i];
        return values;
    }

    private static float[] Noise(Random random, float scale)
    {
        var values = new float[Width];
        for (var i = 0; i < Width; i++)
            values[i] = scale * ((random.NextSingle() * 2) - 1);
        return values;
    }

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
