using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Documents;
using Microsoft.Data.Sqlite;

namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>
/// Chunk whose references are still encoded. The writer's thread needs only its state. The caller decodes the references on its own
/// thread.
/// </summary>
internal sealed record SqliteChunkRow(Chunk Chunk, int First, byte[]? Request, byte[]? References, bool IsRequest)
{
    public static SqliteChunkRow? Find(SqliteSession session, long id)
    {
        var found = session.First(
            """
            SELECT owners.id, chunks.id, count, state, publish_count, attempts, crashes, note, worker, until,
                published, leased, done, first, request, refs, faults, direct, chunks.generation
            FROM chunks JOIN owners ON owners.no = owner WHERE chunks.id = ?1
            """,
            Read,
            id
        );
        if (found is { Chunk.State: ChunkState.Done })
            return found with { Chunk = found.Chunk with { Sum = Sum(session, id, found) } };
        if (found is not { Chunk.Crashes: > 0 })
            return found;
        var isolated = session.All(
            "SELECT number, starts FROM isolated WHERE chunk = ?1",
            row => (Number: row.GetInt32(0), Starts: row.GetInt32(1)),
            id
        );
        return found with { Chunk = found.Chunk with { Isolated = isolated.ToDictionary(item => item.Number, item => item.Starts) } };
    }

    /// <summary>Counts the items of a done chunk: those of its image numbers, or all items of a request.</summary>
    private static JobProgress Sum(SqliteSession session, long id, SqliteChunkRow done)
    {
        var owner = SqliteSchema.Owner(id);
        var (first, last) = done.IsRequest ? (0, int.MaxValue) : (done.First, done.First + done.Chunk.Count - 1);
        return session.First(
            SqliteItems.CountColumns + "WHERE id BETWEEN ?1 AND ?2",
            SqliteItems.ReadCounts,
            SqliteSchema.RowId(owner, first),
            SqliteSchema.RowId(owner, last)
        )! with
        {
            ChunksDone = 1,
        };
    }

    /// <summary>Returns the chunk with its references.</summary>
    public Chunk Decoded()
    {
        var request = Request is null ? null : Bson.Decode<ExplainImages>(Request);
        return Chunk with
        {
            Request = request,
            References = request?.References ?? (References is null ? [] : Bson.Decode<ReferenceList>(References).Images),
        };
    }

    /// <summary>Returns the numbers of the images: consecutive ones in a job, those of the message in a request.</summary>
    public IEnumerable<int> Numbers() =>
        Request is null
            ? Enumerable.Range(First, Chunk.Count)
            : Bson.Decode<ExplainImages>(Request).References.Select(reference => reference.Number);

    private static SqliteChunkRow Read(SqliteDataReader row)
    {
        var chunk = new Chunk
        {
            Owner = row.GetId(0),
            Number = SqliteSchema.Number(row.GetInt64(1)),
            Count = row.GetInt32(2),
            State = (ChunkState)row.GetInt32(3),
            PublishCount = row.GetInt32(4),
            Attempts = row.GetInt32(5),
            Crashes = row.GetInt32(6),
            CrashNote = row.GetText(7),
            Worker = row.GetText(8),
            Until = row.GetTimeOrNull(9),
            Published = row.GetTimeOrNull(10),
            Leased = row.GetTimeOrNull(11),
            Done = row.GetTimeOrNull(12),
            Faults = row.GetInt32(16),
            Generation = row.GetInt64(18),
        };
        return new SqliteChunkRow(
            chunk,
            row.GetInt32(13),
            row.IsDBNull(14) ? null : row.GetBlob(14),
            row.IsDBNull(15) ? null : row.GetBlob(15),
            row.GetInt32(17) == 1
        );
    }
}
