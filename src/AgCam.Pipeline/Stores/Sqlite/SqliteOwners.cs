using Microsoft.Data.Sqlite;

namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>The small numbers that stand for jobs and requests inside the file. Never given out twice, and kept after a deletion.</summary>
internal static class SqliteOwners
{
    private const string ClaimColumns = "kind, hash, key_name";

    public static long? Find(SqliteSession session, Guid id) => session.Number("SELECT no FROM owners WHERE id = ?1", id.Blob());

    public static long FindOrAdd(SqliteSession session, Guid id)
    {
        session.Execute("INSERT INTO owners (id) VALUES (?1) ON CONFLICT DO NOTHING", id.Blob());
        return Find(session, id)!.Value;
    }

    /// <summary>Claims the id for <paramref name="wanted"/> unless it stands for something already.</summary>
    /// <returns>The number. The claim holds once the transaction is committed; there is one writer at a time, from any process.</returns>
    /// <exception cref="KeyUsedException">It stands for something else.</exception>
    public static long Claim(SqliteSession session, Guid id, Claim wanted)
    {
        var no = FindOrAdd(session, id);
        return TryClaim(session, no, wanted) is { } other ? throw new KeyUsedException(id, other.Kind) : no;
    }

    /// <returns>Null when the id stands for <paramref name="wanted"/>, now or already; else what it stands for.</returns>
    public static Claim? TryClaim(SqliteSession session, long no, Claim wanted)
    {
        session.Execute(
            "UPDATE owners SET kind = ?2, hash = ?3, key_name = ?4 WHERE no = ?1 AND kind IS NULL",
            no,
            (int)wanted.Kind,
            wanted.Hash?.ToArray(),
            wanted.Owner
        );
        var standing = session.First($"SELECT {ClaimColumns} FROM owners WHERE no = ?1", ReadClaim, no)!;
        return standing.Admits(wanted) ? null : standing;
    }

    public static Claim? FindClaim(SqliteSession session, Guid id) =>
        session.First($"SELECT {ClaimColumns} FROM owners WHERE id = ?1 AND kind IS NOT NULL", ReadClaim, id.Blob());

    /// <summary>The id stands for nothing any more: its key may be used again.</summary>
    public static void Release(SqliteSession session, long no) =>
        session.Execute("UPDATE owners SET kind = NULL, hash = NULL, key_name = NULL WHERE no = ?1", no);

    public static bool IsDeleted(SqliteSession session, long no) => session.Number("SELECT 1 FROM deleted WHERE no = ?1", no) is not null;

    private static Claim ReadClaim(SqliteDataReader row) =>
        new((ClaimKind)row.GetInt32(0), row.IsDBNull(1) ? null : row.GetDigest(1), row.GetText(2));
}
