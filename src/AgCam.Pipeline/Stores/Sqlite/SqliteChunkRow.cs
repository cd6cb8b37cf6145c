using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Documents;
using Microsoft.Data.Sqlite;

namespace AgCam.Pipeline.Stores.Sqlite;

internal static class SqliteChunkRow
{
    public static Chunk? Find(SqliteSession session, long id)
    {
        var chunk = session.First(
            """
            SELECT owners.id, chunks.id, count, state, epoch, attempts, crashes, note, worker, until, published, leased, done, request, refs
            FROM chunks JOIN owners ON owners.no = owner WHERE chunks.id = ?1
            """,
            Read, id);
        if (chunk is not { Crashes: > 0 })
            return chunk;
        var alone = session.All("SELECT number, starts FROM alone WHERE chunk = ?1", row => (Number: row.GetInt32(0), Starts: row.GetInt32(1)), id);
        return chunk with { Alone = alone.ToDictionary(one => one.Number, one => one.Starts) };
    }

    private static Chunk Read(SqliteDataReader row)
    {
        var request = row.IsDBNull(13) ? null : Bson.Decode<ExplainImages>(row.GetBlob(13));
        return new Chunk
        {
            Owner = row.GetId(0),
            Number = SqliteSchema.Number(row.GetInt64(1)),
            Count = row.GetInt32(2),
            State = (ChunkState)row.GetInt32(3),
            Epoch = row.GetInt32(4),
            Attempts = row.GetInt32(5),
            Crashes = row.GetInt32(6),
            CrashNote = row.GetText(7),
            Worker = row.GetText(8),
            Until = row.GetTimeOrNull(9),
            Published = row.GetTimeOrNull(10),
            Leased = row.GetTimeOrNull(11),
            Done = row.GetTimeOrNull(12),
            Request = request,
            References = request?.References ?? (row.IsDBNull(14) ? [] : Bson.Decode<ReferenceList>(row.GetBlob(14)).Images),
        };
    }
}
