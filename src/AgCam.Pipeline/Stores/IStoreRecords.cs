using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores;

/// <summary>
/// Finds and repairs what a torn backup has lost, beyond <see cref="IStore.RepairAsync"/>. No other process may use the store
/// meanwhile. Each call may be interrupted and repeated.
/// </summary>
internal interface IStoreRecords
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

    /// <summary>Stores a chunk as Planned, whatever its state was. <see cref="RecountAsync"/> corrects the job's counts.</summary>
    Task ReplanAsync(ChunkPlan chunk, Guid job, IReadOnlyList<ImageReference> references, CancellationToken cancellationToken);

    /// <summary>Sets a completed job to Running. Its audit is due again; its completion is not published a second time.</summary>
    Task ReopenAsync(Guid job, CancellationToken cancellationToken);

    /// <summary>
    /// Sets the job's counts to those of the items of its done chunks, and completes the job if all chunks are done.
    /// </summary>
    Task RecountAsync(Guid job, CancellationToken cancellationToken);
}

/// <param name="First">Number of its first image.</param>
/// <param name="Count">Number of images.</param>
/// <param name="LastUri">URI of its last image, as planned; null when it is not known.</param>
/// <param name="HasReferences">Whether its references are stored.</param>
internal sealed record ChunkPlan(int Number, int First, int Count, string? LastUri, ChunkState State, bool HasReferences, long Generation);

internal sealed record DoneRequest(Guid Owner, int Images, int Items);
