using System.Diagnostics;
using AgCam.Cli.Terminal;
using AgCam.Evaluation;

namespace AgCam.Cli.Evaluating;

/// <summary>Runs the batches through the model, into the tables and the rows.</summary>
internal sealed class Measuring(Explainer explainer, EvaluationRun run, Screen screen)
{
    private long _done, _skipped;

    /// <param name="rows">Where --rows goes, or null.</param>
    /// <exception cref="OperationCanceledException">It was interrupted.</exception>
    public async Task<EvaluationTables> Run(TextWriter? rows, CancellationToken cancel)
    {
        var header = EvaluationHeader.Of(explainer, run.Options, run.Batch, run.Shard);
        var tables = new EvaluationTables(header);
        if (rows is not null)
            RowFile.WriteHeader(rows, header);
        using var evaluator = new Evaluator(explainer, run.Options);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var reading = new BatchReading(explainer, run);
        var read = Task.Run(() => reading.Run(stop.Token), CancellationToken.None);
        var started = Stopwatch.GetTimestamp();
        using var progress = run.Quiet ? null : new Progress(screen, () => new ProgressState(_done, null, _skipped, _done / Stopwatch.GetElapsedTime(started).TotalSeconds));
        try
        {
            await foreach (var batch in reading.Batches.ReadAllAsync(cancel))
                foreach (var row in evaluator.Measure(await batch))
                {
                    tables.Add(row);
                    if (rows is not null)
                        RowFile.WriteRow(rows, row);
                    _done++;
                    _skipped += row.Skipped is null ? 0 : 1;
                }
        }
        finally
        {
            await stop.CancelAsync();
            await read;
        }

        if (rows is not null)
            RowFile.WriteEnd(rows, tables.Images);
        return tables;
    }
}
