using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Testing;

/// <summary>
/// Fills a store with a job of synthetic images through its contract: planned, leased and saved, as fast as the store takes them and in
/// bounded memory.
/// </summary>
internal static class SyntheticJob
{
    private const int ChunkSize = 256,
        ChunksPerStep = 16;

    /// <param name="progress">Called every few thousand images with the number of stored ones.</param>
    /// <returns>The completed job.</returns>
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
                        throw new InvalidOperationException("A chunk was not saved. Another process may use this store.");
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
