using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores;

/// <summary>
/// Terminal records. They are inserted by <see cref="IChunks.SaveAsync"/> only. They are deleted with their job, or by
/// <see cref="DeleteForgottenAsync"/> where their request has been forgotten.
/// </summary>
public interface IItems
{
    /// <returns>Null when the image has no terminal record (yet).</returns>
    Task<Item?> FindAsync(Guid job, int number, CancellationToken cancellationToken = default);

    /// <summary>
    /// One page of a list, read from an index: a deep page costs what the first one does. Items written meanwhile may appear on later
    /// pages, never twice.
    /// </summary>
    /// <exception cref="StoreQueryException">No index serves the filters and the sort, the limit is out of range, or the cursor is of
    /// another question.</exception>
    Task<ItemPage> PageAsync(ItemQuery query, CancellationToken cancellationToken = default);

    /// <summary>
    /// What was read of these sources under these stamps before, in any job: their images' digests, for a planner that would rather not
    /// have them read again. Only completed items that
    /// were read for themselves count (see <see cref="ChunkResult.Unread"/>), so re-runs do not pile up; when their jobs are deleted,
    /// the sources are unknown again.
    /// </summary>
    Task<IReadOnlyDictionary<SourceStamp, Digest>> KnownAsync(
        IReadOnlyCollection<SourceStamp> sources,
        CancellationToken cancellationToken = default
    );

    /// <summary>
    /// The job's numbers counted from its rows: the audit of <see cref="Job.Progress"/>. Reads every item of the job;
    /// <see cref="JobProgress.ChunksDone"/> is counted from the chunks.
    /// </summary>
    Task<JobProgress> RecountAsync(Guid job, CancellationToken cancellationToken = default);

    /// <summary>
    /// Deletes the items older than <paramref name="age"/> of those owners that have neither a job nor a chunk: requests that
    /// <see cref="IChunks.ForgetRequestsAsync"/> has forgotten. Their claims (<see cref="IChunks.FindClaimAsync"/>) end as well.
    /// The items of every other owner stay.
    /// </summary>
    /// <returns>The number of deleted items.</returns>
    Task<int> DeleteForgottenAsync(IReadOnlyCollection<Guid> owners, TimeSpan age, CancellationToken cancellationToken = default);
}

/// <param name="Next">The cursor of the next page; null on the last.</param>
public sealed record ItemPage(IReadOnlyList<Item> Items, string? Next);

public static class ItemLists
{
    /// <summary>Every item of the question, page by page.</summary>
    public static async IAsyncEnumerable<Item> AllAsync(
        this IItems items,
        ItemQuery query,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        do
        {
            var page = await items.PageAsync(query, cancellationToken);
            foreach (var item in page.Items)
                yield return item;
            query = query with { Cursor = page.Next };
        } while (query.Cursor is not null);
    }
}
