using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs;

/// <summary>
/// Rate at which a model's images were explained, from the last chunks of its newest jobs. Images found in the store count too.
/// </summary>
/// <param name="PerChunkSecond">Median of a chunk's images per second of its lease. A worker has several leases at a time.</param>
/// <param name="PerSecond">Images per second of all workers.</param>
/// <param name="Chunks">Number of chunks measured.</param>
public sealed record Pace(double PerChunkSecond, double PerSecond, int Chunks)
{
    private const int Jobs = 50,
        ChunksOfJob = 8,
        Enough = 8;

    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(1); // resolution of stored times

    /// <returns>Null when no chunk of the model is done.</returns>
    /// <param name="evaluation">Null selects jobs that explain; otherwise evaluations of the same kind.</param>
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

    /// <summary>Finds the last done chunks near the number of done chunks, since chunks end in about the order of their numbers.</summary>
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
