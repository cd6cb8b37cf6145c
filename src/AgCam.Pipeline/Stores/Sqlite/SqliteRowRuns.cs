namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>
/// Rows that were inserted, as runs of numbers that follow each other: the rows of a chunk are one run, unless some were there before.
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

    /// <summary>Puts the rows into the indexes.</summary>
    public void Take(SqliteSession session, IReadOnlyList<SqliteIndex> indexes)
    {
        foreach (var (first, last) in _runs)
        foreach (var index in indexes)
            session.Execute(index.Take, first, last);
    }
}
