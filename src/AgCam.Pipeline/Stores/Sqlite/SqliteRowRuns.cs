namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>
/// Collects the ids of inserted rows as runs of consecutive numbers. The items of a chunk are one run, unless some were stored before.
/// </summary>
internal sealed class SqliteRowRuns
{
    private readonly List<(long First, long Last)> _runs = [];

    public void Add(long row)
    {
        if (_runs.Count > 0 && _runs[^1].Last == row - 1)
            _runs[^1] = (_runs[^1].First, row);
        else
            _runs.Add((row, row));
    }

    /// <summary>Adds the rows to the indexes.</summary>
    public void AddTo(SqliteSession session, IReadOnlyList<SqliteIndex> indexes)
    {
        foreach (var (first, last) in _runs)
        foreach (var index in indexes)
            session.Execute(index.AddRows, first, last);
    }
}
