namespace AgCam.Pipeline.Stores;

/// <summary>Images that were sent along with a request, until they are too old.</summary>
public interface IUploads
{
    /// <summary>
    /// Reads the stream to its end, in pieces of bounded size, and keeps it. It can be found once its last piece is stored.
    /// </summary>
    /// <param name="owner">Name of the API key that sends it; null: it belongs to the scope admin.</param>
    /// <exception cref="ArgumentException">There are more than <paramref name="maxBytes"/>; nothing is kept.</exception>
    Task<Upload> PutAsync(
        Stream content,
        string mediaType,
        long maxBytes,
        string? owner = null,
        CancellationToken cancellationToken = default
    );

    Task<Upload?> FindAsync(Guid id, CancellationToken cancellationToken = default);

    /// <returns>Null when there is none (any more).</returns>
    Task<byte[]?> ReadAsync(Guid id, CancellationToken cancellationToken = default);

    /// <returns>Whether it was there.</returns>
    Task<bool> DeleteAsync(Guid id, CancellationToken cancellationToken = default);

    /// <summary>Deletes what is older than <paramref name="age"/>, and the pieces of uploads that broke off before then.</summary>
    /// <returns>How many uploads were deleted; up to <paramref name="limit"/>.</returns>
    Task<int> DeleteOlderAsync(TimeSpan age, int limit = 1000, CancellationToken cancellationToken = default);
}

/// <param name="Owner">Name of the API key that sent it; null: it was sent without keys, and belongs to the scope admin.</param>
public sealed record Upload(Guid Id, string MediaType, long Bytes, Digest Sha256, DateTimeOffset Created, string? Owner = null);
