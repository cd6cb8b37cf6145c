using Microsoft.Data.Sqlite;

namespace AgCam.Pipeline.Stores.Sqlite;

internal sealed class SqliteUploads(SqliteDatabase database, TimeProvider clock) : IUploads
{
    public async Task<Upload> PutAsync(
        Stream content, string mediaType, long maxBytes, string? owner = null, CancellationToken cancel = default)
    {
        var bytes = await UploadBytes.ReadAsync(content, maxBytes, cancel);
        var upload = new Upload(Guid.CreateVersion7(), mediaType, bytes.Length, Digest.Of(bytes), clock.Now(), owner);
        await database.WriteAsync(
            session => session.Execute(
                "INSERT INTO uploads (id, media, bytes, sha256, created, owner, content) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                upload.Id.Blob(), upload.MediaType, upload.Bytes, upload.Sha256.ToArray(), upload.Created.Ms(), upload.Owner, bytes),
            cancel);
        return upload;
    }

    public Task<Upload?> FindAsync(Guid id, CancellationToken cancel = default) => database.ReadAsync(
        session => session.First("SELECT id, media, bytes, sha256, created, owner FROM uploads WHERE id = ?1", Read, id.Blob()), cancel);

    public Task<byte[]?> ReadAsync(Guid id, CancellationToken cancel = default) => database.ReadAsync(
        session => session.First("SELECT content FROM uploads WHERE id = ?1", row => row.GetBlob(0), id.Blob()), cancel);

    public Task<bool> DeleteAsync(Guid id, CancellationToken cancel = default) => database.WriteAsync(
        session => session.Execute("DELETE FROM uploads WHERE id = ?1", id.Blob()) > 0, cancel);

    public Task<int> DeleteOlderAsync(TimeSpan age, int limit = 1000, CancellationToken cancel = default)
    {
        var before = (clock.Now() - age).Ms();
        return database.WriteAsync(
            session => session.Execute("DELETE FROM uploads WHERE row IN (SELECT row FROM uploads WHERE created < ?1 ORDER BY created LIMIT ?2)", before, limit), cancel);
    }

    private static Upload Read(SqliteDataReader row) =>
        new(row.GetId(0), row.GetString(1), row.GetInt64(2), row.GetDigest(3), row.GetTime(4), row.GetText(5));
}
