using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Documents;

namespace AgCam.Pipeline.Stores.Sqlite;

internal sealed class SqliteExplanations(SqliteDatabase database, TimeProvider clock) : IExplanations
{
    private static readonly SqliteIndex s_ids = SqliteIndex.OfExplanations;
    private static readonly SqliteIndex s_references = SqliteIndex.OfItems.Single(index => index.Name == "explanation");
    private static readonly string s_where = $"WHERE row = {s_ids.Find("?1")}";
    private static readonly string s_body = $"SELECT body FROM explanations {s_where}";
    private static readonly string s_isCondemned = $"SELECT condemned IS NOT NULL FROM explanations {s_where}";
    private static readonly string s_keep = $"UPDATE explanations SET condemned = NULL {s_where} AND condemned IS NOT NULL";

    public Task<StoredExplanation?> FindAsync(Digest id, CancellationToken cancellationToken = default) =>
        database.ReadAsync(session => Find(session, id), cancellationToken);

    public Task<IReadOnlyList<StoredExplanation>> FindAsync(
        IReadOnlyCollection<Digest> ids,
        CancellationToken cancellationToken = default
    ) =>
        database.ReadAsync<IReadOnlyList<StoredExplanation>>(
            session => [.. ids.Distinct().Select(id => Find(session, id)).OfType<StoredExplanation>()],
            cancellationToken
        );

    public async Task<IReadOnlySet<Digest>> PinAsync(IReadOnlyCollection<Digest> ids, CancellationToken cancellationToken = default)
    {
        // Nearly always nothing is condemned, and a read is enough.
        var found = await database.ReadAsync(session => FindStored(session, ids), cancellationToken);
        if (found.Any(item => item.Condemned))
            found = await database.WriteAsync(
                session =>
                {
                    foreach (var id in ids)
                        session.Execute(s_keep, id.ToArray());
                    return FindStored(session, ids);
                },
                cancellationToken
            );
        return found.Select(item => item.Id).ToHashSet();
    }

    public Task<PruneStep> PruneAsync(
        TimeSpan olderThan,
        TimeSpan grace,
        Digest? after = null,
        int limit = 1000,
        CancellationToken cancellationToken = default
    )
    {
        var now = clock.Now();
        return database.WriteManyAsync(
            session =>
            {
                // CROSS JOIN fixes the order: the next ids come first, and each is a lookup of one explanation.
                var page = session.All(
                    $"""
                    SELECT explanations.row, explanations.id, created, condemned, {s_references.Has("explanations.id")}
                    FROM (
                        SELECT id, row FROM {s_ids.Keys} WHERE id > ?1 UNION ALL SELECT id, row FROM {s_ids.Recent} WHERE id > ?1
                        ORDER BY id LIMIT ?2
                    ) AS next
                    CROSS JOIN explanations ON explanations.row = next.row ORDER BY next.id
                    """,
                    row =>
                        (
                            Row: row.GetInt64(0),
                            Id: row.GetDigest(1),
                            Created: row.GetTime(2),
                            Condemned: row.GetTimeOrNull(3),
                            Referred: row.GetBoolean(4)
                        ),
                    after?.ToArray() ?? [],
                    limit
                );
                int condemned = 0,
                    deleted = 0;
                foreach (var item in page)
                {
                    if (item.Referred)
                    {
                        if (item.Condemned is not null)
                            session.Execute("UPDATE explanations SET condemned = NULL WHERE row = ?1", item.Row);
                    }
                    else if (item.Condemned is null && item.Created < now - olderThan)
                        condemned += session.Execute("UPDATE explanations SET condemned = ?2 WHERE row = ?1", item.Row, now.Ms());
                    else if (item.Condemned < now - grace)
                        deleted += session.Execute("DELETE FROM explanations WHERE row = ?1", item.Row);
                }
                return new PruneStep(page.Count < limit ? null : page[^1].Id, condemned, deleted);
            },
            cancellationToken
        );
    }

    private static StoredExplanation? Find(SqliteSession session, Digest id) =>
        session.First(s_body, row => ExplanationDocument.Decode(id, row.GetBlob(0)), id.ToArray());

    private static List<(Digest Id, bool Condemned)> FindStored(SqliteSession session, IReadOnlyCollection<Digest> ids)
    {
        var found = new List<(Digest, bool)>();
        foreach (var id in ids.Distinct())
            if (session.Number(s_isCondemned, id.ToArray()) is { } condemned)
                found.Add((id, condemned != 0));
        return found;
    }
}
