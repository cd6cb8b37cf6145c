using AgCam.Pipeline.Stores.Documents;

namespace AgCam.Pipeline.Stores.Sqlite;

internal sealed class SqliteProvenances(SqliteDatabase database) : IProvenances
{
    public async Task<Digest> PutAsync(Provenance provenance, CancellationToken cancellationToken = default)
    {
        var id = provenance.Id();
        var body = Bson.Encode(provenance);
        await database.WriteAsync(
            session => session.Execute("INSERT INTO provenances (id, body) VALUES (?1, ?2) ON CONFLICT DO NOTHING", id.ToArray(), body),
            cancellationToken
        );
        return id;
    }

    public Task<Provenance?> FindAsync(Digest id, CancellationToken cancellationToken = default) =>
        database.ReadAsync(
            session =>
                session.First("SELECT body FROM provenances WHERE id = ?1", row => Bson.Decode<Provenance>(row.GetBlob(0)), id.ToArray()),
            cancellationToken
        );
}
