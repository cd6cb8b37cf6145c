using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Documents;
using Microsoft.Data.Sqlite;

namespace AgCam.Pipeline.Stores.Sqlite;

internal sealed class SqliteItems(SqliteDatabase database, TimeProvider clock) : IItems
{
    private static readonly string s_knownSource =
        $"SELECT body FROM items WHERE id = {SqliteIndex.OfItems.Single(index => index.Name == "source").Find("?1")}";

    private const string Columns =
        "items.id, owners.id, status, items.model, items.predicted, items.probability, items.correct, items.label, "
        + "items.label_class, items.label_probability, items.explanation, time, body";

    public Task<Item?> FindAsync(Guid job, int number, CancellationToken cancellationToken = default) =>
        database.ReadAsync(
            session =>
                SqliteOwners.Find(session, job) is { } no
                    ? session.First(
                        $"SELECT {Columns} FROM items JOIN owners ON owners.no = items.owner WHERE items.id = ?1",
                        Read,
                        SqliteSchema.RowId(no, number)
                    )
                    : null,
            cancellationToken
        );

    public async Task<ItemPage> PageAsync(ItemQuery query, CancellationToken cancellationToken = default)
    {
        var index = ItemIndex.For(query);
        var cursor = ItemCursor.Decode(query);
        var items = await database.ReadAsync(session => Page(session, query, index, cursor), cancellationToken);
        var more = items.Count > query.Limit;
        if (more)
            items.RemoveAt(query.Limit);
        return new ItemPage(items, more ? ItemCursor.After(index, items[^1]).Encode(query) : null);
    }

    public Task<JobProgress> RecountAsync(Guid job, CancellationToken cancellationToken = default) =>
        database.ReadAsync(
            session => SqliteOwners.Find(session, job) is { } no ? Recount(session, no) : new JobProgress(),
            cancellationToken
        );

    public Task<IReadOnlyDictionary<SourceStamp, Digest>> KnownAsync(
        IReadOnlyCollection<SourceStamp> sources,
        CancellationToken cancellationToken = default
    ) =>
        database.ReadAsync<IReadOnlyDictionary<SourceStamp, Digest>>(
            session =>
            {
                var known = new Dictionary<SourceStamp, Digest>();
                foreach (var source in sources.Distinct())
                    if (
                        session.First(s_knownSource, row => ItemDocument.SourceOf(row.GetBlob(0)), source.Key()) is { } found
                        && found.Source == source
                    )
                        known.Add(source, found.Sha256);
                return known;
            },
            cancellationToken
        );

    public Task<int> DeleteForgottenAsync(IReadOnlyCollection<Guid> owners, TimeSpan age, CancellationToken cancellationToken = default)
    {
        var before = (clock.Now() - age).Ms();
        return database.WriteManyAsync(session => owners.Sum(owner => DeleteForgotten(session, owner, before)), cancellationToken);
    }

    internal static JobProgress Recount(SqliteSession session, long no)
    {
        var (first, last) = (SqliteSchema.RowId(no, 0), SqliteSchema.RowId(no, int.MaxValue));
        var done = session.Number("SELECT COUNT(*) FROM chunks WHERE id BETWEEN ?1 AND ?2 AND state = 4", first, last)!.Value;
        return session.First(CountColumns + "WHERE id BETWEEN ?1 AND ?2", ReadCounts, first, last)! with { ChunksDone = (int)done };
    }

    internal const string CountColumns =
        "SELECT COUNT(*) FILTER (WHERE status = 0), COUNT(*) FILTER (WHERE status = 1), COUNT(*) FILTER (WHERE correct = 1), "
        + "COUNT(correct) FROM items ";

    internal static JobProgress ReadCounts(SqliteDataReader row) =>
        new()
        {
            Completed = row.GetInt32(0),
            Failed = row.GetInt32(1),
            Correct = row.GetInt32(2),
            Labelled = row.GetInt32(3),
        };

    /// <summary>Deletes old items of a forgotten request, and its owner row once nothing refers to it: each request has one.</summary>
    private static int DeleteForgotten(SqliteSession session, Guid owner, long before)
    {
        if (SqliteOwners.Find(session, owner) is not { } no)
            return 0;
        var (first, last) = (SqliteSchema.RowId(no, 0), SqliteSchema.RowId(no, int.MaxValue));
        const string Used = "SELECT EXISTS (SELECT 1 FROM jobs WHERE no = ?1) OR EXISTS (SELECT 1 FROM chunks WHERE id BETWEEN ?2 AND ?3)";
        if (session.Number(Used, no, first, last) == 1)
            return 0;
        var deleted = session.Execute("DELETE FROM items WHERE id BETWEEN ?1 AND ?2 AND time < ?3", first, last, before);
        session.Execute(
            """
            DELETE FROM owners WHERE no = ?1
            AND NOT EXISTS (SELECT 1 FROM items WHERE id BETWEEN ?2 AND ?3) AND NOT EXISTS (SELECT 1 FROM deleted WHERE no = ?1)
            """,
            no,
            first,
            last
        );
        return deleted;
    }

    /// <summary>Reads one item more than the page has, to know whether there is a next page.</summary>
    private static List<Item> Page(SqliteSession session, ItemQuery query, ItemIndex index, ItemCursor? cursor) =>
        Statement(session, query, index, cursor) is var (sql, values) ? session.All(sql, Read, values) : [];

    /// <summary>Builds the SELECT of a page and its parameters.</summary>
    /// <returns>Null when the job is unknown.</returns>
    internal static (string Sql, object?[] Values)? Statement(SqliteSession session, ItemQuery query, ItemIndex index, ItemCursor? cursor)
    {
        var where = new List<string>();
        var values = new List<object?>();
        string Parameter(object? value)
        {
            values.Add(value);
            return $"?{values.Count}";
        }

        var owner = query.Job is { } job ? SqliteOwners.Find(session, job) : null;
        long? key = cursor is { } at ? SqliteSchema.RowId(SqliteOwners.Find(session, at.Job) ?? 0, at.Number) : null;
        if (query.Job is not null)
        {
            if (owner is null)
                return null;
            var (first, last) = (SqliteSchema.RowId(owner.Value, 0), SqliteSchema.RowId(owner.Value, int.MaxValue));
            // The cursor bounds the range of keys. With a separate condition, SQLite would read from the job's first item.
            where.Add(
                index == ItemIndex.Primary
                    ? $"items.id BETWEEN {Parameter(query.Descending ? first : key + 1 ?? first)} AND "
                        + $"{Parameter(query.Descending ? key - 1 ?? last : last)}"
                    : $"owner = {Parameter(owner)}"
            );
        }
        if (query.Status is { } status)
            where.Add($"status = {Parameter((int)status)}");
        if (query.Model is not null)
            where.Add($"model = {Parameter(query.Model)}");
        if (query.Label is not null)
            where.Add($"label = {Parameter(query.Label)}");
        if (query.LabelClass is not null)
            where.Add($"label_class = {Parameter(query.LabelClass)}");
        if (query.Predicted is not null)
            where.Add($"predicted = {Parameter(query.Predicted)}");
        if (query.Correct is { } correct)
            where.Add($"correct = {Parameter(correct ? 1 : 0)}");
        if (query.Explanation is { } explanation)
            where.Add($"explanation = {Parameter(explanation.ToArray())}");

        var levels = SqliteIndex.OfItems.FirstOrDefault(item => index.Name == $"item_{item.Name}");
        var row = levels is null ? "items.id" : "row";
        var sort = index.Sort switch
        {
            ItemSort.Probability => "probability",
            ItemSort.LabelProbability => "label_probability",
            ItemSort.Time => "time",
            _ => null,
        };
        if (cursor is { } after && index != ItemIndex.Primary)
        {
            var number = Parameter(key);
            var past = query.Descending ? "<" : ">";
            where.Add(sort is null ? $"{row} {past} {number}" : $"({sort}, {row}) {past} ({Parameter(after.Value)}, {number})");
        }
        var matching = where.Count == 0 ? "" : "WHERE " + string.Join(" AND ", where);
        var direction = query.Descending ? "DESC" : "ASC";
        string Ordered(string table, string row) =>
            $"ORDER BY {(sort is null ? "" : $"{table}{sort} {direction}, ")}{table}{row} {direction}";
        var limit = Parameter(query.Limit + 1);
        // INDEXED BY fails when the index cannot serve the query, instead of reading the whole table.
        var by = index == ItemIndex.Primary ? "NOT INDEXED" : $"INDEXED BY {index.Name.Replace("item_", "items_")}";
        // CROSS JOIN fixes the order: the page comes from the index, then each item and owner is a lookup.
        var sql = levels is null
            ? $"""
                SELECT {Columns} FROM items {by} CROSS JOIN owners ON owners.no = items.owner
                {matching} {Ordered("items.", "id")} LIMIT {limit}
                """
            : $"""
                SELECT {Columns} FROM (
                    SELECT {levels.Key} FROM {levels.Keys} {matching} UNION ALL SELECT {levels.Key} FROM {levels.Recent} {matching}
                    {Ordered("", "row")} LIMIT {limit}
                ) AS found
                CROSS JOIN items ON items.id = found.row CROSS JOIN owners ON owners.no = items.owner
                {Ordered("found.", "row")}
                """;
        return (sql, [.. values]);
    }

    private static Item Read(SqliteDataReader row)
    {
        var fields = new ItemDocument.Fields();
        Bson.Decode(row.GetBlob(12), fields.Read);
        return fields.ToItem(
            row.GetId(1),
            SqliteSchema.Number(row.GetInt64(0)),
            (ItemStatus)row.GetInt32(2),
            row.GetString(3),
            row.GetTime(11)
        ) with
        {
            Predicted = row.GetText(4),
            Probability = row.IsDBNull(5) ? null : (float)row.GetDouble(5),
            Correct = row.IsDBNull(6) ? null : row.GetBoolean(6),
            Label = row.GetText(7),
            LabelClass = row.GetText(8),
            LabelProbability = row.IsDBNull(9) ? null : (float)row.GetDouble(9),
            Explanation = row.IsDBNull(10) ? null : row.GetDigest(10),
        };
    }
}
