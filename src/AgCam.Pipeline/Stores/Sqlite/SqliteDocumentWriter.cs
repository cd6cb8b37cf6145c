namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>Inserts explanations and items once each, and keeps their indexes. For the writer's thread.</summary>
internal sealed class SqliteDocumentWriter(SqliteDocuments documents, int recentRows)
{
    private readonly SqliteFolding _folding = new(documents.Indexes, recentRows);

    /// <summary>Within the transaction that <paramref name="session"/> has open.</summary>
    public Inserts Begin(SqliteSession session) => new(this, session, documents);

    internal sealed class Inserts(SqliteDocumentWriter writer, SqliteSession session, SqliteDocuments documents)
    {
        // Three statements, because one with a trigger or a SELECT in it lets SQLite copy each page for every row, to undo half of it.
        private readonly SqliteInsert _hasExplanation = session.Insert(documents.HasExplanation);
        private readonly SqliteInsert _explanation = session.Insert(documents.InsertExplanation);
        private readonly SqliteInsert _explanationIndex = session.Insert(documents.OfExplanations.TakeLast);
        private readonly SqliteInsert _item = session.Insert(documents.InsertItem);
        private readonly SqliteRowRuns _newItems = new();
        private int _newItemCount;

        /// <returns>Whether it was not there.</returns>
        public bool Insert(SqliteExplanationRow row, DateTimeOffset now)
        {
            if (_hasExplanation.Add(row.Id).Finds())
                return false;
            _explanation.Add(row.Id).Add(now.Ms()).Add(row.Body).Run();
            _explanationIndex.Add(row.Id).Run();
            return true;
        }

        /// <returns>Whether it was not there.</returns>
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

        /// <summary>Puts the new items into their indexes and moves a range of one index on.</summary>
        public void End()
        {
            _newItems.Take(session, documents.OfItems);
            writer._folding.Step(session, _newItemCount);
        }
    }
}
