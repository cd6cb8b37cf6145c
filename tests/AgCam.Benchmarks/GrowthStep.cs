using System.Diagnostics;
using AgCam.Pipeline.Stores;
using AgCam.Testing;

namespace AgCam.Benchmarks;

/// <summary>Measures what storing costs between one size of a store and the next.</summary>
/// <param name="Images">Number of stored images at the end of the step.</param>
/// <param name="CpuMicrosecondsPerImage">CPU time of this process during the step.</param>
/// <param name="BytesPerImage">Size of the store divided by its images, at the end of the step.</param>
internal sealed record GrowthStep(int Images, double ImagesPerSecond, double CpuMicrosecondsPerImage, double BytesPerImage)
{
    /// <summary>Fills the store with a job and measures at every power of ten.</summary>
    public static async Task<(Guid Job, IReadOnlyList<GrowthStep> Steps)> FillAsync(
        IStore store,
        SyntheticImages synthetic,
        int images,
        Action<GrowthStep>? received = null,
        CancellationToken cancellationToken = default
    )
    {
        var steps = new List<GrowthStep>();
        var (next, last, watch, cpu) = (1000, 0, Stopwatch.StartNew(), Process.GetCurrentProcess().TotalProcessorTime);
        var job = await SyntheticJob.FillAsync(
            store,
            synthetic,
            images,
            async stored =>
            {
                if (stored < next && stored < images)
                    return;
                var used = Process.GetCurrentProcess().TotalProcessorTime;
                var bytes = (await store.SizeAsync(cancellationToken)).Bytes;
                steps.Add(
                    new GrowthStep(
                        stored,
                        (stored - last) / watch.Elapsed.TotalSeconds,
                        (used - cpu).TotalMicroseconds / (stored - last),
                        (double)bytes / stored
                    )
                );
                received?.Invoke(steps[^1]);
                while (next <= stored)
                    next *= 10;
                (last, cpu) = (stored, Process.GetCurrentProcess().TotalProcessorTime);
                watch.Restart();
            },
            cancellationToken
        );
        return (job, steps);
    }
}
