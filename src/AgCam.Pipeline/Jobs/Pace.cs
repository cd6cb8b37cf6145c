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

    private static readonly TimeSpan Minimum = TimeSpan.FromMilliseconds(1); // resolution of stored times

    /// <param name="spec">Jobs of the same model, dtype and method count; of an evaluation, those that measure the same.</param>
    /// <returns>Null when no such chunk is done yet.</returns>
    public static async Task<Pace?> OfAsync(IStore store, JobSpec spec, CancellationToken cancellationToken = default)
    {
        var jobs = await store.Jobs.PageAsync(new JobQuery { Limit = Jobs }, cancellationToken);
        var rates = new List<double>();
        var (images, time) = (0, TimeSpan.Zero);
        foreach (
            var job in jobs.Jobs.Where(job =>
                job.Spec.Model == spec.Model
                && job.Spec.Dtype == spec.Dtype
                && job.Spec.Method == spec.Method
                && IsAlike(job.Spec.Evaluation, spec.Evaluation)
                && job.Progress.ChunksDone > 0
            )
        )
        {
            var done = await LastDoneAsync(store, job, cancellationToken);
            if (done.Count == 0)
                continue;
            rates.AddRange(done.Select(chunk => chunk.Count / Max(Minimum, chunk.Done!.Value - chunk.Leased!.Value).TotalSeconds));
            images += done.Sum(chunk => chunk.Count);
            time += Max(Minimum, done.Max(chunk => chunk.Done!.Value) - done.Min(chunk => chunk.Leased!.Value));
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
