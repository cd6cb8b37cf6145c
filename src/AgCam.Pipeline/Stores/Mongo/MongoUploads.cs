using MongoDB.Bson;
using MongoDB.Driver;
using MongoDB.Driver.GridFS;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>Uploads in GridFS. A file's row is written after its last piece, so that one that broke off is never found.</summary>
internal sealed class MongoUploads(MongoDatabase database, TimeProvider clock) : IUploads
{
    private readonly GridFSBucket<BsonValue> _bucket = new(database.Database, new GridFSBucketOptions { BucketName = "uploads" });

    public Task<Upload> PutAsync(
        Stream content, string mediaType, long maxBytes, string? owner = null, CancellationToken cancel = default) =>
        MongoDatabase.RunAsync(async () =>
    {
        var bytes = await UploadBytes.ReadAsync(content, maxBytes, cancel);
        var upload = new Upload(Guid.CreateVersion7(), mediaType, bytes.Length, Digest.Of(bytes), clock.Now(), owner);
        var metadata = new BsonDocument
        {
            { "media", upload.MediaType }, { "sha256", MongoRaw.Id(upload.Sha256) }, { "created", new BsonDateTime(upload.Created.ToUnixTimeMilliseconds()) },
        };
        if (owner is not null)
            metadata.Add("owner", owner);
        await _bucket.UploadFromBytesAsync(MongoRaw.Id(upload.Id), upload.Id.ToString(), bytes, new GridFSUploadOptions { Metadata = metadata }, cancel);
        return upload;
    });

    public Task<Upload?> FindAsync(Guid id, CancellationToken cancel = default) => MongoDatabase.RunAsync(async () =>
    {
        using var found = await _bucket.FindAsync(new BsonDocument("_id", MongoRaw.Id(id)), null, cancel);
        return await found.FirstOrDefaultAsync(cancel) is { } file
            ? new Upload(id, file.Metadata["media"].AsString, file.Length, new Digest(file.Metadata["sha256"].AsByteArray),
                DateTimeOffset.FromUnixTimeMilliseconds(file.Metadata["created"].AsBsonDateTime.MillisecondsSinceEpoch),
                file.Metadata.TryGetValue("owner", out var owner) ? owner.AsString : null)
            : null;
    });

    public Task<byte[]?> ReadAsync(Guid id, CancellationToken cancel = default) => MongoDatabase.RunAsync(async () =>
    {
        try
        {
            return await _bucket.DownloadAsBytesAsync(MongoRaw.Id(id), null, cancel);
        }
        catch (GridFSFileNotFoundException)
        {
            return null;
        }
    });

    public Task<bool> DeleteAsync(Guid id, CancellationToken cancel = default) => MongoDatabase.RunAsync(() => DeleteAsync(MongoRaw.Id(id), cancel));

    public Task<int> DeleteOlderAsync(TimeSpan age, int limit = 1000, CancellationToken cancel = default) => MongoDatabase.RunAsync(async () =>
    {
        var before = new BsonDateTime((clock.Now() - age).ToUnixTimeMilliseconds());
        using var old = await _bucket.FindAsync(new BsonDocument("metadata.created", new BsonDocument("$lt", before)), new GridFSFindOptions<BsonValue> { Limit = limit }, cancel);
        var deleted = 0;
        foreach (var file in await old.ToListAsync(cancel))
            deleted += await DeleteAsync(file.Id, cancel) ? 1 : 0;
        return deleted;
    });

    private async Task<bool> DeleteAsync(BsonValue id, CancellationToken cancel)
    {
        try
        {
            await _bucket.DeleteAsync(id, cancel);
            return true;
        }
        catch (GridFSFileNotFoundException)
        {
            return false;
        }
    }
}
