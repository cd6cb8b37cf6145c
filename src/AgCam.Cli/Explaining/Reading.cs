using System.Diagnostics;
using System.Threading.Channels;
using AgCam.Images;
using AgCam.Labels;

namespace AgCam.Cli.Explaining;

/// <summary>First stage: reads, decodes and resizes on other threads, in input order. The bound of the channel limits memory.</summary>
internal sealed class Reading(Explainer explainer, ExplainRun run, ImageLabels? labels, OutputFolder? output)
{
    /// <summary>Limits the files and pictures that are in memory at once.</summary>
    private static readonly SemaphoreSlim Decoding = new(Math.Max(2, Environment.ProcessorCount / 2));

    private readonly Channel<Task<ReadImage>> _images = Channel.CreateBounded<Task<ReadImage>>(
        new BoundedChannelOptions((2 * run.Batch) + Environment.ProcessorCount) { SingleReader = true, SingleWriter = true }
    );

    public ChannelReader<Task<ReadImage>> Images => _images.Reader;

    /// <param name="drain">When cancelled, no further image is started.</param>
    public async Task RunAsync(IEnumerable<ImageSource> sources, CancellationToken drain)
    {
        try
        {
            var next = sources.GetEnumerator(); // not disposed when drained, because it may wait for ever for a line
            while (await Task.Run(next.MoveNext, drain).WaitAsync(drain))
            {
                var source = next.Current;
                if (run.Save != SavedPictures.None)
                    output?.ReservePictureName(source); // in the order of the images, not of decoding
                await _images.Writer.WaitToWriteAsync(drain);
                _images.Writer.TryWrite(Task.Run(() => ReadAsync(source), CancellationToken.None));
            }
        }
        catch (OperationCanceledException) when (drain.IsCancellationRequested)
        {
            // Started images are finished.
        }

        _images.Writer.TryComplete();
    }

    /// <summary>Ends the stage after the failure of another.</summary>
    public void Fail(Exception error) => _images.Writer.TryComplete(error);

    private async Task<ReadImage> ReadAsync(ImageSource source)
    {
        await Decoding.WaitAsync();
        try
        {
            return ReadNow(source);
        }
        finally
        {
            Decoding.Release();
        }
    }

    private ReadImage ReadNow(ImageSource source)
    {
        var started = Stopwatch.GetTimestamp();
        var label = labels?.Find(source.Path);
        var image = new ReadImage(source) { Label = label };
        try
        {
            var bytes = ImageDecoder.ReadFile(source.Path, run.Limits);
            image = image with { Sha256 = Digest.Of(bytes) };
            if (output is not null)
            {
                var row = output.Find(image);
                image = image with { HasRow = row is not null };
                if (row is { } done && output.HasPictures(source, done))
                    return image with { Done = done, Took = Stopwatch.GetElapsedTime(started) };
            }

            var picture = ImageDecoder.Decode(bytes, run.Limits);
            return image with
            {
                Width = picture.Width,
                Height = picture.Height,
                Prepared = explainer.Prepare(picture),
                Photo = run.Save == SavedPictures.None ? null : Pictures.Fitted(picture, run),
                Took = Stopwatch.GetElapsedTime(started),
            };
        }
        catch (ImageException failure)
        {
            return image with { Failure = failure, Took = Stopwatch.GetElapsedTime(started) };
        }
    }
}
