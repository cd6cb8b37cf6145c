namespace AgCam.Pipeline.Stores;

/// <summary>Stores images that arrive in the body of a request, until retention deletes them.</summary>
public interface IUploads
{
    /// <summary>Stores the stream in pieces of bounded size. The upload can be found once its last piece is stored.</summary>
    /// <param name="owner">Name of the API key that sent it; null means that it belongs to the scope admin.</param>
    /// <exception cref="ArgumentException">The stream has more than <paramref name="maxBytes"/>. Nothing is kept.</exception>
    Task<Upload> PutAsync(
        Stream content,
        string mediaType,
        long maxBytes,
        string? owner = null,
        CancellationToken cancellationToken = default
    );

    Task<Upload?> FindAsync(Guid id, CancellationToken cancellationToken = default);

    /// <returns>The content; null when there is no such upload.</returns>
    Task<byte[]?> ReadAsync(Guid id, CancellationToken cancellationToken = default);

    /// <returns>False when there was no such upload.</returns>
    Task<bool> DeleteAsync(Guid id, CancellationToken cancellationToken = default);

    /// <summary>
    /// Deletes uploads older than <paramref name="age"/>, and the pieces of uploads that were interrupted before then.
    /// </summary>
    /// <returns>The number of deleted uploads, at most <paramref name="limit"/>.</returns>
    Task<int> DeleteOlderAsync(TimeSpan age, int limit = 1000, CancellationToken cancellationToken = default);
}

/// <param name="Owner">Name of the API key that sent it; null when it was sent without keys and belongs to the scope admin.</param>
public sealed record Upload(Guid Id, string MediaType, long Bytes, Digest Sha256, DateTimeOffset Created, string? Owner = null);
