namespace AgCam.Pipeline.Stores;

/// <summary>Images that were sent along with a request, until they are too old.</summary>
public interface IUploads
{
    /// <summary>Reads the stream to its end and keeps it.</summary>
    /// <param name="owner">Name of the API key that sends it; null: it belongs to the scope admin.</param>
    /// <exception cref="ArgumentException">There are more than <paramref name="maxBytes"/>; nothing is kept.</exception>
    Task<Upload> PutAsync(Stream content, string mediaType, long maxBytes, string? owner = null, CancellationToken cancel = default);

    Task<Upload?> FindAsync(Guid id, CancellationToken cancel = default);

    /// <returns>Null when there is none (any more).</returns>
    Task<byte[]?> ReadAsync(Guid id, CancellationToken cancel = default);

    /// <returns>Whether it was there.</returns>
    Task<bool> DeleteAsync(Guid id, CancellationToken cancel = default);

    /// <returns>How many were deleted; up to <paramref name="limit"/>.</returns>
    Task<int> DeleteOlderAsync(TimeSpan age, int limit = 1000, CancellationToken cancel = default);
}

/// <param name="Owner">Name of the API key that sent it; null: it was sent without keys, and belongs to the scope admin.</param>
public sealed record Upload(Guid Id, string MediaType, long Bytes, Digest Sha256, DateTimeOffset Created, string? Owner = null);
