using System.Diagnostics;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores.Measuring;

/// <summary>
/// Fills a store with a job of synthetic images, through the contract: planned, leased and saved, as fast as the store takes them and
/// in bounded memory.
/// </summary>
public static class SyntheticJob
{
    private const int ChunkSize = 256,
        ChunksPerStep = 16;

    /// <param name="progress">Told every few thousand images how many are stored.</param>
    /// <returns>The job, complete.</returns>
    public static async Task<Guid> FillAsync(
        IStore store,
        SyntheticImages synthetic,
        int images,
        Func<int, Task>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        var job = (await store.Jobs.CreateAsync(SyntheticImages.Spec, cancellationToken: cancellationToken)).Job.Id;
        for (var tail = await store.Jobs.PlanTailAsync(job, cancellationToken); tail.NextImage < images; )
        {
            var chunks = Enumerable
                .Range(0, tail.NextImage == 0 ? 4 : ChunksPerStep)
                .Select(i => tail.NextImage + i * ChunkSize)
                .Where(from => from < images)
                .Select(from => SyntheticImages.References(from, Math.Min(ChunkSize, images - from)))
                .ToList();
            tail = (await store.Jobs.AddChunksAsync(job, tail, chunks, cancellationToken))!;
            var taken = await store.Chunks.ClaimPlannedAsync(job, ChunksPerStep, TimeSpan.FromHours(1), cancellationToken);
            await Parallel.ForEachAsync(
                taken.Chunk(4),
                new ParallelOptions { MaxDegreeOfParallelism = 2, CancellationToken = cancellationToken },
                async (few, cancellationToken) =>
                {
                    var results = new List<ChunkResult>();
                    foreach (var chunk in few)
                        results.Add(await ResultAsync(store, synthetic, job, chunk, cancellationToken));
                    if ((await store.Chunks.SaveAsync(results, cancellationToken)).Any(answer => answer.Outcome != SaveOutcome.Saved))
                        throw new InvalidOperationException("A chunk was not saved: does somebody else work on this store?");
                }
            );
            if (progress is not null)
                await progress(tail.NextImage);
        }
        await store.Jobs.FinishPlanningAsync(job, cancellationToken: cancellationToken);
        return job;
    }

    private static async Task<ChunkResult> ResultAsync(
        IStore store,
        SyntheticImages synthetic,
        Guid job,
        Chunk chunk,
        CancellationToken cancellationToken
    )
    {
        var message = new ExplainImages
        {
            Key = $"{job}/{chunk.Number}",
            JobId = job,
            Chunk = chunk.Number,
            PublishCount = chunk.PublishCount,
            Generation = chunk.Generation,
            Model = SyntheticImages.Model,
            References = chunk.References,
        };
        var lease = (await store.Chunks.LeaseAsync(message, "measure", TimeSpan.FromHours(1), cancellationToken: cancellationToken)).Lease!;
        var startedAt = TimeProvider.System.Now();
        var items = chunk
            .References.Select(reference => synthetic.Item(job, reference.Number, startedAt.AddMilliseconds(reference.Number % 1000)))
            .ToList();
        return new ChunkResult(
            lease,
            [.. items.Where(item => item.Explanation is not null).Select(item => synthetic.Explanation(item.Number))],
            items
        );
    }
}

/// <summary>Measures what storing costs between one size of a store and the next.</summary>
/// <param name="Images">In the store, at the end of the step.</param>
/// <param name="CpuMicrosecondsPerImage">Of this process, during the step.</param>
/// <param name="BytesPerImage">Of the whole store over all of its images, at the end of the step; null where the server does not
/// tell.</param>
public sealed record GrowthStep(int Images, double ImagesPerSecond, double CpuMicrosecondsPerImage, double? BytesPerImage)
{
    /// <summary>Fills the store to <paramref name="images"/>, and measures at every power of ten on the way.</summary>
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
                var bytes = await ((IBareStore)store).BytesAsync(cancellationToken);
                steps.Add(
                    new GrowthStep(
                        stored,
                        (stored - last) / watch.Elapsed.TotalSeconds,
                        (used - cpu).TotalMicroseconds / (stored - last),
                        (double?)bytes / stored
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
