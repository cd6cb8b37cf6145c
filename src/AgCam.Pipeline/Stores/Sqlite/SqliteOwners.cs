using Microsoft.Data.Sqlite;

namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>
/// Gives jobs and requests small numbers, which are the upper half of their rows' keys. A number is never reused, and a job keeps its
/// number after a deletion.
/// </summary>
internal static class SqliteOwners
{
    private const string ClaimColumns = "kind, hash, key_name";

    public static long? Find(SqliteSession session, Guid id) => session.Number("SELECT no FROM owners WHERE id = ?1", id.Blob());

    public static long FindOrAdd(SqliteSession session, Guid id)
    {
        session.Execute("INSERT INTO owners (id) VALUES (?1) ON CONFLICT DO NOTHING", id.Blob());
        return Find(session, id)!.Value;
    }

    /// <summary>
    /// Claims the id for <paramref name="wanted"/> unless it has a claim. SQLite has one writer at a time, so two processes never claim
    /// the same id.
    /// </summary>
    /// <returns>The number of the owner.</returns>
    /// <exception cref="KeyUsedException">The id has another claim.</exception>
    public static long Claim(SqliteSession session, Guid id, Claim wanted)
    {
        var no = FindOrAdd(session, id);
        return TryClaim(session, no, wanted) is { } other ? throw new KeyUsedException(id, other.Kind) : no;
    }

    /// <returns>Null when the owner has the claim <paramref name="wanted"/>, from this call or before; else its other claim.</returns>
    public static Claim? TryClaim(SqliteSession session, long no, Claim wanted)
    {
        session.Execute(
            "UPDATE owners SET kind = ?2, hash = ?3, key_name = ?4 WHERE no = ?1 AND kind IS NULL",
            no,
            (int)wanted.Kind,
            wanted.Hash?.ToArray(),
            wanted.Owner
        );
        var stored = session.First($"SELECT {ClaimColumns} FROM owners WHERE no = ?1", ReadClaim, no)!;
        return stored.Admits(wanted) ? null : stored;
    }

    public static Claim? FindClaim(SqliteSession session, Guid id) =>
        session.First($"SELECT {ClaimColumns} FROM owners WHERE id = ?1 AND kind IS NOT NULL", ReadClaim, id.Blob());

    /// <summary>Removes the claim, so that its key can be used again.</summary>
    public static void Release(SqliteSession session, long no) =>
        session.Execute("UPDATE owners SET kind = NULL, hash = NULL, key_name = NULL WHERE no = ?1", no);

    public static bool IsDeleted(SqliteSession session, long no) => session.Number("SELECT 1 FROM deleted WHERE no = ?1", no) is not null;

    private static Claim ReadClaim(SqliteDataReader row) =>
        new((ClaimKind)row.GetInt32(0), row.IsDBNull(1) ? null : row.GetDigest(1), row.GetText(2));
}
