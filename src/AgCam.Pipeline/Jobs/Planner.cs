using AgCam.Pipeline.Jobs.Sources;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using Microsoft.Extensions.Logging;

namespace AgCam.Pipeline.Jobs;

/// <summary>
/// Walks a job's source and writes its chunks, in bounded memory. One planner at a time holds the job's lease.
/// After a crash another continues where it stopped.
/// </summary>
internal sealed class Planner(IStore store, ReferenceReader references, JobSignal signal, PipelineOptions options, ILogger<Planner> log)
{
    private const int ChunksPerWrite = 16;

    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(10);

    private readonly string _name = $"{Environment.MachineName}/{Environment.ProcessId}/{Guid.NewGuid():N}";

    /// <returns>A task that ends when the job is planned, is planned by another process, or is paused.</returns>
    public async Task PlanAsync(Guid id, CancellationToken cancellationToken)
    {
        if (
            !await store.Jobs.LeasePlanningAsync(id, _name, Lease, cancellationToken)
            || await store.Jobs.FindAsync(id, cancellationToken) is not { State: JobState.Running } job
        )
            return;
        try
        {
            var source = ImageSource.Open(job.Spec, references, store);
            if (await WriteAsync(job, source, cancellationToken))
                await store.Jobs.FinishPlanningAsync(id, job.Generation, cancellationToken);
        }
        catch (SourceException e)
        {
            await PauseAsync(id, e.HasChanged ? PauseCode.Reason(PauseCode.SourceChanged, e.Message) : e.Message, cancellationToken);
        }
        catch (Exception e) when (e is ArgumentException or FormatException or NotSupportedException or UnauthorizedAccessException)
        {
            // A retry would fail in the same way, so the user must learn of it.
            await PauseAsync(
                id,
                $"The job could not be planned: {e.Message} Correct the source and resume the job, or cancel it.",
                cancellationToken
            );
        }
    }

    private Task<bool> PauseAsync(Guid id, string reason, CancellationToken cancellationToken)
    {
        log.LogError("Paused job {Job}: {Reason}", id, reason);
        return store.Jobs.PauseAsync(id, reason, cancellationToken);
    }

    /// <returns>Whether the walk reached the end of the source.</returns>
    private async Task<bool> WriteAsync(Job planned, IImageSource source, CancellationToken cancellationToken)
    {
        var (job, known, sizes) = (planned.Id, new KnownImages(store, planned.Spec), new ChunkSize(store, options, planned.Spec));
        var size = await sizes.NextAsync(cancellationToken);
        var tail = await store.Jobs.PlanTailAsync(job, cancellationToken);
        if (tail.Generation != planned.Generation)
            return false; // deleted and recreated since
        var held = TimeProvider.System.GetTimestamp();
        var number = tail.NextImage;
        var chunks = new List<List<ImageReference>>();
        var chunk = new List<ImageReference>(size);
        await foreach (var reference in source.WalkAsync(tail, cancellationToken))
        {
            chunk.Add(reference with { Number = number++ });
            if (chunk.Count >= size)
            {
                chunks.Add(chunk);
                chunk = new List<ImageReference>(size);
            }
            // The first chunks are written at once, so that workers begin while the rest is planned.
            if (chunks.Count >= (tail.NextChunk == 0 ? 1 : ChunksPerWrite))
            {
                if (
                    await store.Jobs.AddChunksAsync(job, tail, await known.MarkAsync(chunks, cancellationToken), cancellationToken)
                    is not { } next
                )
                    return false;
                signal.Planned();
                tail = next;
                chunks.Clear();
                size = await sizes.NextAsync(cancellationToken);
            }
            if (TimeProvider.System.GetElapsedTime(held) > Lease / 3)
            {
                if (!await store.Jobs.LeasePlanningAsync(job, _name, Lease, cancellationToken))
                    return false;
                held = TimeProvider.System.GetTimestamp();
            }
        }
        if (chunk.Count > 0)
            chunks.Add(chunk);
        return chunks.Count == 0
            || await store.Jobs.AddChunksAsync(job, tail, await known.MarkAsync(chunks, cancellationToken), cancellationToken) is not null;
    }
}
