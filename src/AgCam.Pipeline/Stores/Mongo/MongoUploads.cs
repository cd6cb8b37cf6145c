using MongoDB.Bson;
using MongoDB.Driver;
using MongoDB.Driver.GridFS;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>Uploads in GridFS. A file's row is written after its last piece, so that one that broke off is never found.</summary>
internal sealed class MongoUploads(MongoDatabase database, TimeProvider clock) : IUploads
{
    /// <summary>
    /// GridFS's own pieces of 255 KiB that are sent in one insert; the driver's default would collect 16 MiB of each upload.
    /// </summary>
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
        var id = Guid.CreateVersion7(created); // ids sort by time: see DeleteOlderAsync
        var metadata = new BsonDocument { { "media", mediaType }, { "created", new BsonDateTime(created.ToUnixTimeMilliseconds()) } };
        if (owner is not null)
            metadata.Add("owner", owner);
        using var pieces = new UploadPieces(content, maxBytes);
        var kept = await MongoDatabase.RunAsync(() =>
            _bucket.OpenUploadStreamAsync(
                MongoRaw.Id(id),
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
                await MongoDatabase.RunAsync(() => kept.WriteAsync(piece.Array!, piece.Offset, piece.Count, cancellationToken));
            }
            var sha256 = pieces.Sha256();
            metadata.Add("sha256", MongoRaw.Id(sha256)); // the file's row, this in it, is written by the closing
            await MongoDatabase.RunAsync(() => kept.CloseAsync(cancellationToken));
            return new Upload(id, mediaType, pieces.Bytes, sha256, created, owner);
        }
        catch
        {
            await DiscardAsync(kept);
            throw;
        }
    }

    public Task<Upload?> FindAsync(Guid id, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            using var found = await _bucket.FindAsync(new BsonDocument("_id", MongoRaw.Id(id)), null, cancellationToken);
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
                return await _bucket.DownloadAsBytesAsync(MongoRaw.Id(id), null, cancellationToken);
            }
            catch (GridFSFileNotFoundException)
            {
                return null;
            }
        });

    public Task<bool> DeleteAsync(Guid id, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(() => DeleteAsync(MongoRaw.Id(id), cancellationToken));

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
            if (files.Count < limit) // no file is that old any more: pieces that are belong to uploads that broke off
                await database.UploadPieces.DeleteManyAsync(
                    new BsonDocument("files_id", new BsonDocument("$lt", MongoRaw.Id(UploadIds.Earliest(before)))),
                    cancellationToken
                );
            return deleted;
        });

    /// <summary>What the store cannot take back now, <see cref="DeleteOlderAsync"/> deletes later.</summary>
    private static async Task DiscardAsync(GridFSUploadStream<BsonValue> kept)
    {
        try
        {
            await MongoDatabase.RunAsync(() => kept.AbortAsync(CancellationToken.None));
        }
        catch (Exception e) when (e is StoreUnavailableException or InvalidOperationException)
        {
            // It does not answer, or the stream was closed already.
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
