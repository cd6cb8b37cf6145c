using System.Diagnostics;
using System.Threading.Channels;

namespace AgCam.Cli.Explaining;

/// <summary>Last stage: builds rows and pictures on other threads and writes them in input order.</summary>
internal sealed class Finishing(
    Explainer explainer,
    ExplainRun run,
    RunProvenance provenance,
    OutputFolder? output,
    Report report,
    RunTally tally
)
{
    private readonly Channel<Task<Finished>> _finished = Channel.CreateBounded<Task<Finished>>(
        new BoundedChannelOptions(2 * Environment.ProcessorCount) { SingleReader = true, SingleWriter = true }
    );

    public async Task RunAsync(ChannelReader<(ReadImage Image, Task<Explanation?> Explanation)> explained)
    {
        // The output is closed, so reading does not wait for the next image.
        using var unread = new CancellationTokenSource();
        await Task.WhenAll(StartAsync(explained, unread.Token), WriteAllAsync(unread));
    }

    /// <summary>Ends the stage after the failure of another.</summary>
    public void Fail(Exception error) => _finished.Writer.TryComplete(error);

    private async Task StartAsync(ChannelReader<(ReadImage Image, Task<Explanation?> Explanation)> explained, CancellationToken unread)
    {
        try
        {
            await foreach (var (image, explaining) in explained.ReadAllAsync(unread))
            {
                var explanation = await explaining;
                await _finished.Writer.WriteAsync(Task.Run(() => Finish(image, explanation)));
            }
            _finished.Writer.TryComplete();
        }
        catch (Exception error)
        {
            Fail(error);
            throw;
        }
    }

    private Finished Finish(ReadImage image, Explanation? explanation)
    {
        if (image.Failure is not null)
            return new Finished(image, null, Row.Failed(image), 0, default);
        if (explanation is null)
            return new Finished(image, null, [], 0, default);
        var row = Row.Completed(image, explanation, explainer, run.Options.CanonicalMethod(), provenance.Id, run.Raw);
        if (run.Save == SavedPictures.None || output is null)
            return new Finished(image, explanation, row, 0, default);
        var started = Stopwatch.GetTimestamp();
        var pictures = Pictures.Save(image, explanation, explainer, run, output);
        return new Finished(image, explanation, row, pictures, Stopwatch.GetElapsedTime(started));
    }

    private async Task WriteAllAsync(CancellationTokenSource unread)
    {
        try
        {
            await WriteAsync();
        }
        catch (Exception error)
        {
            Fail(error);
            await unread.CancelAsync();
            throw;
        }
    }

    private async Task WriteAsync()
    {
        var unflushed = 0;
        await foreach (var finishing in _finished.Reader.ReadAllAsync())
        {
            var (image, explanation, row, pictures, saving) = await finishing;
            if (image.Done is { } done)
                row = run.Json ? output!.ReadRow(done) : [];
            else if (image.Failure is not null)
                output?.AppendFailure(image.Source.Path, row);
            else if (!image.HasRow)
                output?.Append(row);
            report.Show(image, explanation, row);
            tally.Finished(image, explanation, pictures, saving);
            if (++unflushed >= run.Batch || _finished.Reader.Count == 0)
            {
                output?.Flush();
                report.Flush();
                unflushed = 0;
            }
        }
    }

    private sealed record Finished(ReadImage Image, Explanation? Explanation, byte[] Row, int Pictures, TimeSpan Saving);
}
