using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.Channels;

namespace AgCam.Cli.Explaining;

/// <summary>
/// Model stage: one thread collects batches and passes images on with pending explanations; others compute the batches. They wait for
/// images and for capacity, never for a disk.
/// </summary>
internal sealed class ModelThread(Explainer explainer, ExplainRun run, RunTally tally)
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(500);

    private static readonly Task<Explanation?> None = Task.FromResult<Explanation?>(null);

    private readonly Channel<(ReadImage, Task<Explanation?>)> _explained = Channel.CreateBounded<(ReadImage, Task<Explanation?>)>(
        new BoundedChannelOptions(Math.Max((run.ParallelBatches + 1) * run.Batch, 32)) { SingleReader = true, SingleWriter = true }
    );

    private readonly BlockingCollection<Task> _batches = new(run.ParallelBatches);

    private readonly List<ReadImage> _pending = [];
    private int _ready;

    /// <summary>Images in input order. One without work for the model has no explanation.</summary>
    public ChannelReader<(ReadImage Image, Task<Explanation?> Explanation)> Explained => _explained.Reader;

    public Task RunAsync(ChannelReader<Task<ReadImage>> images) =>
        Task.WhenAll([
            OnThreadAsync(() => Gather(images)),
            .. Enumerable.Range(0, run.ParallelBatches).Select(_ => OnThreadAsync(Compute)),
        ]);

    /// <summary>Ends the stage after the failure of another.</summary>
    public void Fail(Exception error) => _explained.Writer.TryComplete(error);

    private static Task OnThreadAsync(Action work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private void Gather(ChannelReader<Task<ReadImage>> images)
    {
        try
        {
            while (Wait(images))
            while (images.TryRead(out var reading))
                Take(reading.GetAwaiter().GetResult());
            Flush();
            _explained.Writer.TryComplete();
        }
        finally
        {
            _batches.CompleteAdding();
        }
    }

    private void Compute()
    {
        foreach (var batch in _batches.GetConsumingEnumerable())
            batch.RunSynchronously(); // its waiter receives the result or the exception
    }

    // Paths may arrive slowly from a pipe, so a partial batch is computed as it is.
    private bool Wait(ChannelReader<Task<ReadImage>> images)
    {
        var more = images.WaitToReadAsync().AsTask();
        if (_pending.Count > 0 && !((IAsyncResult)more).AsyncWaitHandle.WaitOne(PollInterval))
            Flush();
        return more.GetAwaiter().GetResult();
    }

    private void Take(ReadImage image)
    {
        _pending.Add(image);
        if (image.Prepared is not null)
            _ready++;
        // With nothing ready in front of it, an image that needs no model can go on at once. Nor may thousands of them wait for a batch
        // to fill.
        if (_ready == run.Batch || _ready == 0 || _pending.Count >= (4 * run.Batch) + 32)
            Flush();
    }

    private void Flush()
    {
        ReadImage[] batch = [.. _pending.Where(image => image.Prepared is not null)];
        var explaining = new Task<IReadOnlyList<Explanation>>(() => Explain(batch));
        if (batch.Length > 0)
            _batches.Add(explaining);
        var next = 0;
        foreach (var image in _pending)
            Pass(image, image.Prepared is null ? None : OfAsync(explaining, next++));
        _pending.Clear();
        _ready = 0;
    }

    private static async Task<Explanation?> OfAsync(Task<IReadOnlyList<Explanation>> batch, int image) => (await batch)[image];

    private IReadOnlyList<Explanation> Explain(ReadImage[] batch)
    {
        var started = Stopwatch.GetTimestamp();
        var explanations = explainer.Explain(
            [.. batch.Select(image => image.Prepared!)],
            [.. batch.Select(image => image.Label?.Class)],
            run.Options
        );
        tally.Computed(batch.Length, Stopwatch.GetElapsedTime(started) / run.ParallelBatches);
        return explanations;
    }

    private void Pass(ReadImage image, Task<Explanation?> explanation)
    {
        while (!_explained.Writer.TryWrite((image, explanation)))
            _explained.Writer.WaitToWriteAsync().AsTask().GetAwaiter().GetResult();
    }
}
