using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores;

/// <summary>
/// Finds and repairs what a torn backup has lost, beyond <see cref="IStore"/>. Call these while no other process works on the store. Each
/// call may be interrupted and repeated.
/// </summary>
internal interface IStoreAudit
{
    /// <summary>Lists the chunks of a job in order, from number <paramref name="from"/> on.</summary>
    /// <returns>At most <paramref name="limit"/>; fewer only at the end.</returns>
    Task<IReadOnlyList<ChunkPlan>> PlansAsync(Guid job, int from, int limit, CancellationToken cancellationToken);

    /// <summary>Streams the owners of jobs' chunks whose job is not in the store.</summary>
    IAsyncEnumerable<Guid> OrphansAsync(CancellationToken cancellationToken);

    /// <summary>Streams the requests that are done, with the number of images asked for and of items stored.</summary>
    IAsyncEnumerable<DoneRequest> DoneRequestsAsync(CancellationToken cancellationToken);

    /// <summary>Deletes single items, whose images are then computed again.</summary>
    Task DeleteItemsAsync(Guid job, IReadOnlyCollection<int> numbers, CancellationToken cancellationToken);

    /// <summary>Writes a chunk as planned, whatever it was before. <see cref="RecountAsync"/> corrects the job's sums.</summary>
    Task ReplanAsync(ChunkPlan chunk, Guid job, IReadOnlyList<ImageReference> references, CancellationToken cancellationToken);

    /// <summary>Makes a completed job run again. Whoever was told of its completion is not told again.</summary>
    Task ReopenAsync(Guid job, CancellationToken cancellationToken);

    /// <summary>Sets the job's sums to those of the items of its chunks that are done, and completes the job if all of them are.</summary>
    Task RecountAsync(Guid job, CancellationToken cancellationToken);
}

/// <param name="First">Number of its first image.</param>
/// <param name="Count">How many images.</param>
/// <param name="LastUri">Its last image, as planned; null when that is not known.</param>
/// <param name="HasReferences">Whether the store holds what it is to compute.</param>
internal sealed record ChunkPlan(int Number, int First, int Count, string? LastUri, ChunkState State, bool HasReferences, long Generation);

internal sealed record DoneRequest(Guid Owner, int Images, int Items);
