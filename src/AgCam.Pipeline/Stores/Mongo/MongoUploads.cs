using MongoDB.Bson;
using MongoDB.Driver;
using MongoDB.Driver.GridFS;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>Stores uploads in GridFS, which writes a file's document after its last piece: an interrupted upload is never found.</summary>
internal sealed class MongoUploads(MongoDatabase database, TimeProvider clock) : IUploads
{
    /// <summary>Number of GridFS pieces of 255 KiB in one insert. The driver's default would buffer 16 MiB of each upload.</summary>
    private const int PiecesInBatch = 4;

    private readonly GridFSBucket<BsonValue> _bucket = new(database.Database, new GridFSBucketOptions { BucketName = "uploads" });

    public async Task<Upload> PutAsync(
        Stream content,
        string mediaType,
        long maxBytes,
        string? owner = null,
        CancellationToken cancellationToken = default
    )
    {
        var created = clock.Now();
        var id = Guid.CreateVersion7(created); // sorts by time, which DeleteOlderAsync relies on
        var metadata = new BsonDocument { { "media", mediaType }, { "created", new BsonDateTime(created.ToUnixTimeMilliseconds()) } };
        if (owner is not null)
            metadata.Add("owner", owner);
        using var pieces = new UploadPieces(content, maxBytes);
        var upload = await MongoDatabase.RunAsync(() =>
            _bucket.OpenUploadStreamAsync(
                MongoKeys.Id(id),
                id.ToString(),
                new GridFSUploadOptions { Metadata = metadata, BatchSize = PiecesInBatch },
                cancellationToken
            )
        );
        try
        {
            while (!pieces.IsAtEnd)
            {
                var piece = await pieces.NextAsync(cancellationToken);
                await MongoDatabase.RunAsync(() => upload.WriteAsync(piece.Array!, piece.Offset, piece.Count, cancellationToken));
            }
            var sha256 = pieces.Sha256();
            metadata.Add("sha256", MongoKeys.Id(sha256)); // CloseAsync writes the metadata
            await MongoDatabase.RunAsync(() => upload.CloseAsync(cancellationToken));
            return new Upload(id, mediaType, pieces.Bytes, sha256, created, owner);
        }
        catch
        {
            await DiscardAsync(upload);
            throw;
        }
    }

    public Task<Upload?> FindAsync(Guid id, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            using var found = await _bucket.FindAsync(new BsonDocument("_id", MongoKeys.Id(id)), null, cancellationToken);
            return await found.FirstOrDefaultAsync(cancellationToken) is { } file
                ? new Upload(
                    id,
                    file.Metadata["media"].AsString,
                    file.Length,
                    new Digest(file.Metadata["sha256"].AsByteArray),
                    DateTimeOffset.FromUnixTimeMilliseconds(file.Metadata["created"].AsBsonDateTime.MillisecondsSinceEpoch),
                    file.Metadata.TryGetValue("owner", out var owner) ? owner.AsString : null
                )
                : null;
        });

    public Task<byte[]?> ReadAsync(Guid id, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            try
            {
                return await _bucket.DownloadAsBytesAsync(MongoKeys.Id(id), null, cancellationToken);
            }
            catch (GridFSFileNotFoundException)
            {
                return null;
            }
        });

    public Task<bool> DeleteAsync(Guid id, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(() => DeleteAsync(MongoKeys.Id(id), cancellationToken));

    public Task<int> DeleteOlderAsync(TimeSpan age, int limit = 1000, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            var before = clock.Now() - age;
            using var old = await _bucket.FindAsync(
                new BsonDocument("metadata.created", new BsonDocument("$lt", new BsonDateTime(before.ToUnixTimeMilliseconds()))),
                new GridFSFindOptions<BsonValue> { Limit = limit },
                cancellationToken
            );
            var files = await old.ToListAsync(cancellationToken);
            var deleted = 0;
            foreach (var file in files)
                deleted += await DeleteAsync(file.Id, cancellationToken) ? 1 : 0;
            if (files.Count < limit) // no old upload is left, so older pieces are those of interrupted uploads
                await database.UploadPieces.DeleteManyAsync(
                    new BsonDocument("files_id", new BsonDocument("$lt", MongoKeys.Id(UploadIds.Earliest(before)))),
                    cancellationToken
                );
            return deleted;
        });

    /// <summary>Deletes the pieces of a failed upload. If the store is away, <see cref="DeleteOlderAsync"/> deletes them later.</summary>
    private static async Task DiscardAsync(GridFSUploadStream<BsonValue> upload)
    {
        try
        {
            await MongoDatabase.RunAsync(() => upload.AbortAsync(CancellationToken.None));
        }
        catch (Exception e) when (e is StoreUnavailableException or InvalidOperationException)
        {
            // The store does not answer, or the stream is closed already.
        }
    }

    private async Task<bool> DeleteAsync(BsonValue id, CancellationToken cancellationToken)
    {
        try
        {
            await _bucket.DeleteAsync(id, cancellationToken);
            return true;
        }
        catch (GridFSFileNotFoundException)
        {
            return false;
        }
    }
}
