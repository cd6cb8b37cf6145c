using Microsoft.Data.Sqlite;

namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>
/// Stores uploads as rows with pieces. The row is written with the last piece, so an interrupted upload is never found.
/// </summary>
internal sealed class SqliteUploads(SqliteDatabase database, TimeProvider clock) : IUploads
{
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
        using var pieces = new UploadPieces(content, maxBytes);
        try
        {
            for (var number = 0; ; number++)
            {
                var piece = await pieces.NextAsync(cancellationToken);
                if (pieces.IsAtEnd)
                {
                    var upload = new Upload(id, mediaType, pieces.Bytes, pieces.Sha256(), created, owner);
                    await database.WriteAsync(session => Insert(session, number, piece) + InsertRow(session, upload), cancellationToken);
                    return upload;
                }
                await database.WriteManyAsync(session => Insert(session, number, piece), cancellationToken);
            }
        }
        catch
        {
            await DiscardAsync(id);
            throw;
        }

        int Insert(SqliteSession session, int number, ArraySegment<byte> piece) =>
            piece.Count == 0
                ? 0
                : session.Execute(
                    "INSERT INTO upload_pieces (upload, number, content) VALUES (?1, ?2, ?3)",
                    id.Blob(),
                    number,
                    piece.Count == piece.Array!.Length ? piece.Array : piece.ToArray()
                );
    }

    public Task<Upload?> FindAsync(Guid id, CancellationToken cancellationToken = default) =>
        database.ReadAsync(session => Find(session, id), cancellationToken);

    public Task<byte[]?> ReadAsync(Guid id, CancellationToken cancellationToken = default) =>
        database.ReadAsync(
            session =>
            {
                if (Find(session, id) is not { } upload)
                    return null;
                var bytes = GC.AllocateUninitializedArray<byte>(checked((int)upload.Bytes));
                var filled = 0;
                session.All(
                    "SELECT content FROM upload_pieces WHERE upload = ?1 ORDER BY number",
                    row => filled += (int)row.GetBytes(0, 0, bytes, filled, bytes.Length - filled),
                    id.Blob()
                );
                return filled == bytes.Length ? bytes : null; // fewer when it was deleted between the two queries
            },
            cancellationToken
        );

    public Task<bool> DeleteAsync(Guid id, CancellationToken cancellationToken = default) =>
        database.WriteAsync(
            session =>
            {
                session.Execute("DELETE FROM upload_pieces WHERE upload = ?1", id.Blob());
                return session.Execute("DELETE FROM uploads WHERE id = ?1", id.Blob()) > 0;
            },
            cancellationToken
        );

    public Task<int> DeleteOlderAsync(TimeSpan age, int limit = 1000, CancellationToken cancellationToken = default)
    {
        var before = clock.Now() - age;
        return database.WriteManyAsync(
            session =>
            {
                var old = session.All(
                    "SELECT id FROM uploads WHERE created < ?1 ORDER BY created LIMIT ?2",
                    row => row.GetBlob(0),
                    before.Ms(),
                    limit
                );
                foreach (var id in old)
                {
                    session.Execute("DELETE FROM upload_pieces WHERE upload = ?1", id);
                    session.Execute("DELETE FROM uploads WHERE id = ?1", id);
                }
                if (old.Count < limit) // no old upload is left, so older pieces are those of interrupted uploads
                    session.Execute("DELETE FROM upload_pieces WHERE upload < ?1", UploadIds.Earliest(before).Blob());
                return old.Count;
            },
            cancellationToken
        );
    }

    private static Upload? Find(SqliteSession session, Guid id) =>
        session.First("SELECT id, media, bytes, sha256, created, owner FROM uploads WHERE id = ?1", Read, id.Blob());

    private static int InsertRow(SqliteSession session, Upload upload) =>
        session.Execute(
            "INSERT INTO uploads (id, media, bytes, sha256, created, owner) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            upload.Id.Blob(),
            upload.MediaType,
            upload.Bytes,
            upload.Sha256.ToArray(),
            upload.Created.Ms(),
            upload.Owner
        );

    private static Upload Read(SqliteDataReader row) =>
        new(row.GetId(0), row.GetString(1), row.GetInt64(2), row.GetDigest(3), row.GetTime(4), row.GetText(5));

    /// <summary>Deletes the pieces of a failed upload. If the store is away, <see cref="DeleteOlderAsync"/> deletes them later.</summary>
    private async Task DiscardAsync(Guid id)
    {
        try
        {
            await DeleteAsync(id, CancellationToken.None);
        }
        catch (StoreUnavailableException) { }
    }
}
