using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores;

/// <summary>
/// Stores the terminal records of images. Only <see cref="IChunks.SaveAsync"/> inserts them. They are deleted with their job,
/// or by <see cref="DeleteForgottenAsync"/> once their request is forgotten.
/// </summary>
public interface IItems
{
    /// <returns>The item; null while the image has no terminal record.</returns>
    Task<Item?> FindAsync(Guid job, int number, CancellationToken cancellationToken = default);

    /// <summary>
    /// Returns one page of a list, read from an index: a deep page costs as much as the first. Items stored while a caller
    /// pages may appear on later pages, never twice.
    /// </summary>
    /// <exception cref="StoreQueryException">
    /// No index serves the filters and the sort, the limit is out of range, or the cursor belongs to another query.
    /// </exception>
    Task<ItemPage> PageAsync(ItemQuery query, CancellationToken cancellationToken = default);

    /// <summary>
    /// Returns the image digests of sources that any job has read under the same stamp, so that a planner need not read them
    /// again. Only completed items count whose image was read (see <see cref="ChunkResult.Unread"/>). Deleting their jobs makes
    /// the sources unknown.
    /// </summary>
    Task<IReadOnlyDictionary<SourceStamp, Digest>> KnownAsync(
        IReadOnlyCollection<SourceStamp> sources,
        CancellationToken cancellationToken = default
    );

    /// <summary>
    /// Counts the job's progress from its stored items, to audit <see cref="Job.Progress"/>. Reads every item of the job. <see
    /// cref="JobProgress.ChunksDone"/> is counted from the chunks.
    /// </summary>
    Task<JobProgress> RecountAsync(Guid job, CancellationToken cancellationToken = default);

    /// <summary>
    /// Deletes the items and claims of owners that have neither a job nor a chunk: requests that <see
    /// cref="IChunks.ForgetRequestsAsync"/> has forgotten. Only items older than <paramref name="age"/> are deleted. The items
    /// of every other owner stay.
    /// </summary>
    /// <returns>The number of deleted items.</returns>
    Task<int> DeleteForgottenAsync(IReadOnlyCollection<Guid> owners, TimeSpan age, CancellationToken cancellationToken = default);
}

/// <param name="Next">Cursor of the next page; null on the last page.</param>
public sealed record ItemPage(IReadOnlyList<Item> Items, string? Next);

public static class ItemLists
{
    /// <summary>Streams every item of the query, page by page.</summary>
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
