namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>The small numbers that stand for jobs and requests inside the file. Never given out twice, and kept after a deletion.</summary>
internal static class SqliteOwners
{
    public static long? Find(SqliteSession session, Guid id) => session.Number("SELECT no FROM owners WHERE id = ?1", id.Blob());

    public static long FindOrAdd(SqliteSession session, Guid id)
    {
        session.Execute("INSERT INTO owners (id) VALUES (?1) ON CONFLICT DO NOTHING", id.Blob());
        return Find(session, id)!.Value;
    }

    public static bool IsDeleted(SqliteSession session, long no) => session.Number("SELECT 1 FROM deleted WHERE no = ?1", no) is not null;
}
