using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>
/// Page of the ledger for 512 chunks of a job: which of them are counted, and their sums. Both are in one document, so that counting a
/// chunk is one write.
/// </summary>
internal sealed record MongoLedgerPage
{
    /// <summary>Job and number of the page.</summary>
    public required MongoKey Id { get; init; }

    /// <summary>Generation of the job.</summary>
    public long Generation { get; init; }

    /// <summary>Numbers of the counted chunks.</summary>
    public IReadOnlyList<int>? Counted { get; init; }

    public int ChunksDone { get; init; }

    /// <summary>Number of chunks on the last page of a planned job; null on a full page, and while the job is being planned.</summary>
    public int? Of { get; init; }

    public int Completed { get; init; }
    public int Failed { get; init; }
    public int Correct { get; init; }
    public int Labelled { get; init; }

    public JobProgress Progress =>
        new()
        {
            ChunksDone = ChunksDone,
            Completed = Completed,
            Failed = Failed,
            Correct = Correct,
            Labelled = Labelled,
        };
}
