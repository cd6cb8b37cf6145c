namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>Inserts explanations and items that are not stored, and updates their indexes. Only the writer's thread may use it.</summary>
internal sealed class SqliteDocumentWriter(int recentRows)
{
    /// <summary>Query that has a row when the explanation ?1 is stored.</summary>
    public static readonly string HasExplanation = $"SELECT 1 WHERE {SqliteIndex.OfExplanations.Has("?1")}";

    private const string InsertExplanation = "INSERT INTO explanations (id, created, body) VALUES (?1, ?2, ?3)";

    private const string InsertItem = """
        INSERT INTO items (
            id, owner, status, model, predicted, probability, correct, label, label_class, label_probability, explanation, time, body,
            source)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT DO NOTHING
        """;

    private readonly SqliteIndexMerge _merge = new(SqliteIndex.All, recentRows);

    /// <summary>Begins inserts in the open transaction of <paramref name="session"/>.</summary>
    public Inserts Begin(SqliteSession session) => new(this, session);

    internal sealed class Inserts(SqliteDocumentWriter writer, SqliteSession session)
    {
        // Three statements: with a trigger or a SELECT, SQLite would copy each page before every row, to be able to undo that row.
        private readonly SqliteInsert _hasExplanation = session.Insert(HasExplanation);
        private readonly SqliteInsert _explanation = session.Insert(InsertExplanation);
        private readonly SqliteInsert _explanationIndex = session.Insert(SqliteIndex.OfExplanations.AddLastRow);
        private readonly SqliteInsert _item = session.Insert(InsertItem);
        private readonly SqliteRowRuns _newItems = new();
        private int _newItemCount;

        /// <returns>Whether the row was inserted; false when it is stored already.</returns>
        public bool Insert(SqliteExplanationRow row, DateTimeOffset now)
        {
            if (_hasExplanation.Add(row.Id).Finds())
                return false;
            _explanation.Add(row.Id).Add(now.Ms()).Add(row.Body).Run();
            _explanationIndex.Add(row.Id).Run();
            return true;
        }

        /// <returns>Whether the row was inserted; false when it is stored already.</returns>
        public bool Insert(SqliteItemRow row, long owner)
        {
            var (item, id) = (row.Item, SqliteSchema.RowId(owner, row.Item.Number));
            var inserted = _item
                .Add(id)
                .Add(owner)
                .Add((long)item.Status)
                .Add(item.Model)
                .Add(item.Predicted)
                .Add((double?)item.Probability)
                .Add(item.Correct)
                .Add(item.Label)
                .Add(item.LabelClass)
                .Add((double?)item.LabelProbability)
                .Add(row.Explanation)
                .Add(item.Time.Ms())
                .Add(row.Body)
                .Add(row.Source)
                .Run();
            if (inserted == 0)
                return false;
            _newItems.Add(id);
            _newItemCount++;
            return true;
        }

        /// <summary>Indexes the new items, and merges a range of one index.</summary>
        public void End()
        {
            _newItems.AddTo(session, SqliteIndex.OfItems);
            writer._merge.Step(session, _newItemCount);
        }
    }
}
