using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs;

/// <summary>
/// How fast a model's images have been explained of late, by the times of the last chunks of its newest jobs. Images that were found
/// and not computed count like others.
/// </summary>
/// <param name="PerChunkSecond">Images of a chunk for each second that a worker had it in hand: the median. Workers have several chunks
/// in hand at a time.</param>
/// <param name="PerSecond">Images of all workers together for each second.</param>
/// <param name="Chunks">How many chunks tell.</param>
public sealed record Pace(double PerChunkSecond, double PerSecond, int Chunks)
{
    private const int Jobs = 50,
        ChunksOfJob = 8,
        Enough = 8;

    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(1); // times are stored in whole milliseconds

    /// <returns>Null when no chunk of the model is done yet.</returns>
    /// <param name="evaluation">Null: of jobs that explain; else of those that measure the same.</param>
    public static async Task<Pace?> OfAsync(
        IStore store,
        ModelPin model,
        string dtype,
        EvaluationSpec? evaluation = null,
        CancellationToken cancellationToken = default
    )
    {
        var jobs = await store.Jobs.PageAsync(new JobQuery { Limit = Jobs }, cancellationToken);
        var rates = new List<double>();
        var (images, time) = (0, TimeSpan.Zero);
        foreach (
            var job in jobs.Jobs.Where(job =>
                job.Spec.Model == model
                && job.Spec.Dtype == dtype
                && IsAlike(job.Spec.Evaluation, evaluation)
                && job.Progress.ChunksDone > 0
            )
        )
        {
            var done = await LastDoneAsync(store, job, cancellationToken);
            if (done.Count == 0)
                continue;
            rates.AddRange(done.Select(chunk => chunk.Count / Max(Least, chunk.Done!.Value - chunk.Leased!.Value).TotalSeconds));
            images += done.Sum(chunk => chunk.Count);
            time += Max(Least, done.Max(chunk => chunk.Done!.Value) - done.Min(chunk => chunk.Leased!.Value));
            if (rates.Count >= Enough)
                break;
        }
        return rates.Count == 0 ? null : new Pace(rates.Order().ElementAt(rates.Count / 2), images / time.TotalSeconds, rates.Count);
    }

    private static bool IsAlike(EvaluationSpec? left, EvaluationSpec? right) =>
        left is null || right is null ? left == right : left.CostsAs(right);

    /// <summary>Chunks are done in about the order of their numbers, so the last ones lie about as far as there are done ones.</summary>
    private static async Task<List<Chunk>> LastDoneAsync(IStore store, Job job, CancellationToken cancellationToken)
    {
        var done = new List<Chunk>();
        for (
            var number = job.Progress.ChunksDone - 1;
            number >= 0 && number >= job.Progress.ChunksDone - 2 * ChunksOfJob && done.Count < ChunksOfJob;
            number--
        )
            if (
                await store.Chunks.FindAsync(job.Id, number, cancellationToken) is
                { State: ChunkState.Done, Leased: not null, Done: not null } chunk
            )
                done.Add(chunk);
        return done;
    }

    private static TimeSpan Max(TimeSpan left, TimeSpan right) => left > right ? left : right;
}
