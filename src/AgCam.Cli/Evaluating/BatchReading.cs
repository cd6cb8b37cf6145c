using System.Threading.Channels;
using AgCam.Evaluation;
using AgCam.Evaluation.Datasets;

namespace AgCam.Cli.Evaluating;

/// <summary>
/// Reads and decodes batches ahead of the model. Batches are cut from the whole dataset before the shard selects its own, so an image
/// has the same batch and the same last digits with any number of shards. A batch whose rows all exist is skipped.
/// </summary>
internal sealed class BatchReading(Explainer explainer, EvaluationRun run, IReadOnlySet<string> done)
{
    private readonly Channel<Task<EvaluationImage[]>> _batches = Channel.CreateBounded<Task<EvaluationImage[]>>(2);

    public ChannelReader<Task<EvaluationImage[]>> Batches => _batches.Reader;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            foreach (var (index, batch) in Dataset.Read(run.Dataset!, run.Layout, run.Images).Chunk(run.Batch).Index())
                if (run.Shard.Has(index) && !batch.All(sample => done.Contains(sample.Key)))
                {
                    await _batches.Writer.WaitToWriteAsync(cancellationToken);
                    await _batches.Writer.WriteAsync(Task.Run(() => Read(batch), CancellationToken.None), cancellationToken);
                }

            _batches.Writer.Complete();
        }
        catch (Exception error)
        {
            _batches.Writer.TryComplete(error);
        }
    }

    /// <summary>Counts the images that <see cref="RunAsync"/> reads, using only the annotations.</summary>
    public static long Count(EvaluationRun run, IReadOnlySet<string> done, CancellationToken cancellationToken)
    {
        var count = 0L;
        foreach (var (index, batch) in Dataset.Read(run.Dataset!, run.Layout, run.Images).Chunk(run.Batch).Index())
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (run.Shard.Has(index) && !batch.All(sample => done.Contains(sample.Key)))
                count += batch.Length;
        }

        return count;
    }

    private EvaluationImage[] Read(Sample[] batch) =>
        [.. batch.AsParallel().AsOrdered().Select(sample => EvaluationImage.Read(sample, explainer, run.Options, run.Limits))];
}
