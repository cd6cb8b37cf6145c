namespace AgCam.Pipeline.Stores;

/// <summary>Images that were sent along with a request, until they are too old.</summary>
public interface IUploads
{
    /// <summary>Reads the stream to its end and keeps it.</summary>
    /// <exception cref="ArgumentException">There are more than <paramref name="maxBytes"/>; nothing is kept.</exception>
    Task<Upload> PutAsync(Stream content, string mediaType, long maxBytes, CancellationToken cancel = default);

    Task<Upload?> FindAsync(Guid id, CancellationToken cancel = default);

    /// <returns>Null when there is none (any more).</returns>
    Task<byte[]?> ReadAsync(Guid id, CancellationToken cancel = default);

    /// <returns>Whether it was there.</returns>
    Task<bool> DeleteAsync(Guid id, CancellationToken cancel = default);

    /// <returns>How many were deleted; up to <paramref name="limit"/>.</returns>
    Task<int> DeleteOlderAsync(TimeSpan age, int limit = 1000, CancellationToken cancel = default);
}

public sealed record Upload(Guid Id, string MediaType, long Bytes, Digest Sha256, DateTimeOffset Created);
