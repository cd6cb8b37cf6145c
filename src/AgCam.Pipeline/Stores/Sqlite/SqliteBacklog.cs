namespace AgCam.Pipeline.Stores.Sqlite;

internal static class SqliteBacklog
{
    /// <summary>Sums up running jobs. The last chunk of a job says how many images are planned while its total is not known.</summary>
    private const string Jobs = """
        SELECT COALESCE(SUM(COALESCE(images, planned, 0) - completed - failed), 0), MIN(created)
        FROM (
            SELECT images, completed, failed, created,
                (SELECT first + count FROM chunks WHERE id >= no << 32 AND id < (no + 1) << 32 ORDER BY id DESC LIMIT 1) AS planned
            FROM jobs WHERE state = 0
        )
        """;

    private const string Requests = "SELECT COALESCE(SUM(count), 0), MIN(published) FROM chunks WHERE direct = 1 AND done IS NULL";

    public static Backlog Of(SqliteSession session) => Read(session, Jobs) + Read(session, Requests);

    private static Backlog Read(SqliteSession session, string sql) =>
        session.All(
            sql,
            row => new Backlog(row.GetInt64(0), row.IsDBNull(1) ? null : DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(1)))
        )[0];
}
