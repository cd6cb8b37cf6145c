using System.Diagnostics;
using System.Threading.Channels;

namespace AgCam.Cli.Explaining;

/// <summary>
/// The model's own thread: gathers a batch, explains it, hands each image on. It waits for images and for room, never for a disk.
/// </summary>
internal sealed class ModelThread(Explainer explainer, ExplainRun run, RunTally tally)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);

    private readonly Channel<(ReadImage, Explanation?)> _explained = Channel.CreateBounded<(ReadImage, Explanation?)>(
        new BoundedChannelOptions(Math.Max(2 * run.Batch, 32)) { SingleReader = true, SingleWriter = true });

    private readonly List<ReadImage> _pending = [];
    private int _ready;

    /// <summary>In the order of the input; no explanation where there was nothing to compute.</summary>
    public ChannelReader<(ReadImage Image, Explanation? Explanation)> Explained => _explained.Reader;

    public Task Run(ChannelReader<Task<ReadImage>> images) => Task.Factory.StartNew(
        () =>
        {
            while (Wait(images))
                while (images.TryRead(out var reading))
                    Take(reading.GetAwaiter().GetResult());
            Flush();
            _explained.Writer.TryComplete();
        },
        CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Ends the stage: another one has failed.</summary>
    public void Fail(Exception error) => _explained.Writer.TryComplete(error);

    // A batch that does not fill, because paths come slowly from a pipe, goes on as it is.
    private bool Wait(ChannelReader<Task<ReadImage>> images)
    {
        var more = images.WaitToReadAsync().AsTask();
        if (_pending.Count > 0 && !((IAsyncResult)more).AsyncWaitHandle.WaitOne(Patience))
            Flush();
        return more.GetAwaiter().GetResult();
    }

    private void Take(ReadImage image)
    {
        _pending.Add(image);
        if (image.Prepared is not null)
            _ready++;
        // With nothing ready in front of it, an image that needs no model can go on at once. Nor may thousands of them wait for a batch to fill.
        if (_ready == run.Batch || _ready == 0 || _pending.Count >= (4 * run.Batch) + 32)
            Flush();
    }

    private void Flush()
    {
        var batch = _pending.Where(image => image.Prepared is not null).ToList();
        var started = Stopwatch.GetTimestamp();
        var explanations = explainer.Explain([.. batch.Select(image => image.Prepared!)], [.. batch.Select(image => image.Label)], run.Options);
        if (batch.Count > 0)
            tally.Computed(batch.Count, Stopwatch.GetElapsedTime(started));
        var next = 0;
        foreach (var image in _pending)
            Pass(image, image.Prepared is null ? null : explanations[next++]);
        _pending.Clear();
        _ready = 0;
    }

    private void Pass(ReadImage image, Explanation? explanation)
    {
        while (!_explained.Writer.TryWrite((image, explanation)))
            _explained.Writer.WaitToWriteAsync().AsTask().GetAwaiter().GetResult();
    }
}
