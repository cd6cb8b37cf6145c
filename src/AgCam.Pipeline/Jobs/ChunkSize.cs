using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs;

/// <summary>
/// Chooses the size of a chunk: the images that a worker explains in <see cref="PipelineOptions.ChunkSeconds"/> at the model's
/// <see cref="Pace"/>. Large chunks cost less for each image; small ones lose less when they are requeued or cancelled.
/// The minimum applies until the model's first chunk is done.
/// </summary>
internal sealed class ChunkSize(IStore store, PipelineOptions options, JobSpec spec)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);

    private long? _looked;
    private int _size = spec.Evaluation?.Batch ?? options.ChunkSize;

    /// <summary>Refreshes the pace at intervals, since a job's first chunks are done while it is planned.</summary>
    public async Task<int> NextAsync(CancellationToken cancellationToken)
    {
        if (_looked is null || TimeProvider.System.GetElapsedTime(_looked.Value) > LookEvery)
        {
            var pace = await Pace.OfAsync(store, spec, cancellationToken);
            _size = spec.Evaluation is { } evaluation ? Whole(pace, evaluation.Batch, options) : For(pace, options);
            _looked = TimeProvider.System.GetTimestamp();
        }
        return _size;
    }

    public static int For(Pace? pace, PipelineOptions options)
    {
        var maximum = Math.Max(options.ChunkSize, options.MaxChunkSize);
        return pace is null
            ? options.ChunkSize
            : (int)Math.Clamp(Math.Round(pace.PerChunkSecond * options.ChunkSeconds), options.ChunkSize, maximum);
    }

    /// <summary>Returns the size of an evaluation's chunk: whole batches, one until the pace is known.</summary>
    public static int Whole(Pace? pace, int batch, PipelineOptions options)
    {
        var maximum = Math.Max(options.ChunkSize, options.MaxChunkSize) / batch;
        return batch
            * (int)Math.Clamp(pace is null ? 1 : Math.Floor(pace.PerChunkSecond * options.ChunkSeconds / batch), 1, Math.Max(1, maximum));
    }
}
