using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores;

/// <summary>
/// What evaluations measured, a document a chunk. <see cref="IChunks.SaveAsync"/> writes them, before the chunk's items; the first rows
/// of a chunk are its rows. They go with their job.
/// </summary>
public interface IRows
{
    /// <summary>
    /// The rows of the job's chunks from number <paramref name="from"/> on, in order; chunks that have none are passed over.
    /// </summary>
    /// <returns>At most <paramref name="limit"/>; fewer only at the end.</returns>
    Task<IReadOnlyList<ChunkRows>> PageAsync(Guid job, int from, int limit = 16, CancellationToken cancellationToken = default);
}
