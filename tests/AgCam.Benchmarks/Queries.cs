using AgCam.Cli.Bench;
using AgCam.Pipeline;
using AgCam.Testing;

namespace AgCam.Benchmarks;

/// <summary>Fills a new store and runs every indexed query.</summary>
internal static class Queries
{
    /// <param name="server">mongodb://; null for SQLite.</param>
    public static async Task RunAsync(int images, string? server)
    {
        await using var scratch = server is null ? Scratch.OneProcess() : Scratch.On(server, PipelineOptions.InMemory);
        await using var store = PipelineRegistration.OpenStore(scratch.Options);
        await store.MigrateAsync();
        Console.WriteLine($"| {store.Kind}: images stored | images/s | CPU us an image | bytes an image |\n|---|---|---|---|");
        var (job, _) = await GrowthStep.FillAsync(
            store,
            new SyntheticImages(1),
            images,
            step =>
                Console.WriteLine(
                    FormattableString.Invariant(
                        $"| {step.Images:N0} | {step.ImagesPerSecond:F0} | {step.CpuMicrosecondsPerImage:F0} | {step.BytesPerImage:F0} |"
                    )
                )
        );
        Console.WriteLine($"\n| {store.Kind}, {images:N0} items | first page p50 ms | p99 | deep page p50 | p99 |\n|---|---|---|---|---|");
        await foreach (var rate in QueryRate.MeasureAsync(store, job, images))
            Console.WriteLine(
                FormattableString.Invariant(
                    $"| {rate.Question} | {rate.FirstP50:F1} | {rate.FirstP99:F1} | {rate.DeepP50:F1} | {rate.DeepP99:F1} |"
                )
            );
    }
}
