using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores;

/// <summary>
/// Stores the measurements of evaluations, one document per chunk. <see cref="IChunks.SaveAsync"/> writes them before the
/// chunk's items. The first rows of a chunk stay, and are deleted with the job.
/// </summary>
public interface IRows
{
    /// <summary>
    /// Returns the rows of the job's chunks in order, from number <paramref name="from"/> on. Chunks without rows are skipped.
    /// </summary>
    /// <returns>At most <paramref name="limit"/> documents; fewer only at the end.</returns>
    Task<IReadOnlyList<ChunkRows>> PageAsync(Guid job, int from, int limit = 16, CancellationToken cancellationToken = default);
}
