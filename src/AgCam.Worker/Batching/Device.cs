using AgCam.Pipeline.Telemetry;
using Microsoft.Extensions.Logging;

namespace AgCam.Worker.Batching;

/// <summary>The one thing that computes: takes batches and explains them, one after the other.</summary>
internal sealed class Device(BatchQueue queue, ILogger<Device> log)
{
    /// <returns>When cancelled; what waits then is not computed any more.</returns>
    public async Task RunAsync(CancellationToken cancel)
    {
        try
        {
            while (true)
                Explain(await queue.TakeAsync(cancel));
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
        }
    }

    /// <summary>A batch that fails is halved until it fits into memory, or the one image that makes it fail is alone.</summary>
    internal void Explain(IReadOnlyList<ImageWork> batch)
    {
        try
        {
            var plan = batch[0].Plan;
            using var activity = Batches.Start("batch", batch.Select(work => work.Trace));
            activity?.SetTag("agcam.images", batch.Count).SetTag("agcam.model", plan.Engine.Model.Id);
            var begun = TimeProvider.System.GetTimestamp();
            var explanations = plan.Engine.Explain([.. batch.Select(work => work.Input)], [.. batch.Select(work => work.Label)], plan.Options);
            var took = TimeProvider.System.GetElapsedTime(begun).TotalSeconds;
            PipelineTelemetry.BatchSeconds.Record(took);
            PipelineTelemetry.DeviceBusy.Add(took);
            PipelineTelemetry.BatchSize.Record(batch.Count);
            queue.Took(TimeProvider.System.GetElapsedTime(begun), batch.Count);
            for (var i = 0; i < batch.Count; i++)
                batch[i].Complete(explanations[i]);
        }
        catch (Exception e)
        {
            if (IsLostDevice(e))
                Environment.FailFast($"The device is lost: {e.Message}"); // nothing computed from here on could be trusted
            if (batch.Count == 1)
            {
                batch[0].Fail(e);
                return;
            }
            log.LogWarning("A batch of {Count} failed and is halved: {Reason}", batch.Count, e.Message);
            Explain([.. batch.Take(batch.Count / 2)]);
            Explain([.. batch.Skip(batch.Count / 2)]);
        }
    }

    private static bool IsLostDevice(Exception e) => e.Message.Contains("CUDA error", StringComparison.Ordinal) && !e.Message.Contains("out of memory", StringComparison.Ordinal);
}
