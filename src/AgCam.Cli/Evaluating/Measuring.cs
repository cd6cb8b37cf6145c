using System.Diagnostics;
using AgCam.Cli.Terminal;
using AgCam.Evaluation;
using AgCam.Evaluation.Presets;

namespace AgCam.Cli.Evaluating;

/// <summary>Runs the batches through the model, into the tables and the rows.</summary>
internal sealed class Measuring(Explainer explainer, EvaluationRun run, PaperPreset? preset, Screen screen)
{
    private long _done,
        _skipped;

    /// <param name="rowFile">File of --rows, or null. An interrupted run continues after its last row.</param>
    /// <exception cref="OperationCanceledException">It was interrupted.</exception>
    public async Task<EvaluationTables> RunAsync(string? rowFile, CancellationToken cancellationToken)
    {
        var header = EvaluationHeader.Of(explainer, run.Options, run.Batch, run.Shard) with
        {
            Preset = preset is null ? null : PaperPreset.Name,
            Deviations = preset?.Deviations(explainer) ?? [],
        };
        var tables = new EvaluationTables(header);
        using var evaluator = new Evaluator(explainer, run.Options);
        var done = new HashSet<string>(StringComparer.Ordinal);
        using var rows = Open(rowFile, header, tables, done);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var reading = new BatchReading(explainer, run, done);
        var planned = done.ToHashSet(StringComparer.Ordinal);
        var count = run.Quiet ? null : Task.Run(() => BatchReading.Count(run, planned, stop.Token), CancellationToken.None);
        var read = Task.Run(() => reading.RunAsync(stop.Token), CancellationToken.None);
        var started = Stopwatch.GetTimestamp();
        using var progress = run.Quiet
            ? null
            : new Progress(
                screen,
                () => new ProgressState(_done, Total(count), _skipped, _done / Stopwatch.GetElapsedTime(started).TotalSeconds)
            );
        try
        {
            await foreach (var batch in reading.Batches.ReadAllAsync(cancellationToken))
            foreach (var row in evaluator.Measure(await batch))
            {
                tables.Add(row);
                if (rows is not null && done.Add(row.Image))
                    RowFile.WriteRow(rows, row);
                _done++;
                _skipped += row.Skipped is null ? 0 : 1;
            }
        }
        finally
        {
            await stop.CancelAsync();
            await read;
            if (count is not null)
                await count.ContinueWith(_ => { }, TaskScheduler.Default); // reading reports errors of the dataset
        }

        if (rows is not null)
            RowFile.WriteEnd(rows, tables.Images);
        return tables;
    }

    private static long? Total(Task<long>? count) => count is { IsCompletedSuccessfully: true } ? count.Result : null;

    private StreamWriter? Open(string? path, EvaluationHeader header, EvaluationTables tables, HashSet<string> done)
    {
        if (path is null)
            return null;
        if (RowFile.Unfinished(path, header) is not { } left)
        {
            var fresh = new StreamWriter(path) { NewLine = "\n" };
            RowFile.WriteHeader(fresh, header);
            return fresh;
        }

        foreach (var row in left.Rows)
        {
            tables.Add(row);
            done.Add(row.Image);
        }

        screen.Note($"agcam: continuing after the {left.Rows.Count} images in {path}.");
        var file = new FileStream(path, FileMode.Open);
        file.SetLength(left.Length); // removes a truncated line
        file.Seek(0, SeekOrigin.End);
        return new StreamWriter(file) { NewLine = "\n" };
    }
}
