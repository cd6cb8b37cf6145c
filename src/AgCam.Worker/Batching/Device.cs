using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using AgCam.Attribution;
using AgCam.Pipeline.Telemetry;
using AgCam.Worker.Engines;
using DotNext.Threading;
using Microsoft.Extensions.Logging;

namespace AgCam.Worker.Batching;

/// <summary>
/// Takes batches from the queue and explains them. A GPU computes one batch at a time while the next is packed and uploaded.
/// A CPU computes several in parallel.
/// </summary>
/// <param name="exit">Ends the process after a fatal device error; null for <see cref="FatalDeviceError.Exit"/>.</param>
internal sealed class Device(BatchQueue queue, ILogger<Device> log, Action<string>? exit = null)
{
    /// <summary>Largest batch of an engine and a method that fits into the device's memory, set by the first that did not fit.</summary>
    private readonly ConditionalWeakTable<IExplainEngine, ConcurrentDictionary<AttributionMethod, int>> _fits = [];

    /// <summary>Batches share it, other work holds it exclusively. It is first come, first served: neither starves the other.</summary>
    private readonly AsyncReaderWriterLock _lock = new();

    private int _parallelBatches = 1;

    /// <summary>Runs other work on the device while no batch is computed.</summary>
    /// <param name="images">Number of images in the work, for the trace.</param>
    public async Task<T> ExclusiveAsync<T>(Func<T> work, int images, CancellationToken cancellationToken)
    {
        using var exclusive = await AsyncLock.WriteLock(_lock).AcquireAsync(cancellationToken);
        try
        {
            using var activity = PipelineTelemetry.Activities.StartActivity("measure");
            activity?.SetTag("agcam.images", images);
            var startedAt = TimeProvider.System.GetTimestamp();
            var done = await Task.Run(work, CancellationToken.None);
            PipelineTelemetry.DeviceBusy.Add(TimeProvider.System.GetElapsedTime(startedAt).TotalSeconds);
            return done;
        }
        catch (Exception e) when (ComputeDevice.IsLost(e))
        {
            (exit ?? FatalDeviceError.Exit)(e.Message);
            throw;
        }
    }

    /// <summary>Computes batches until it is cancelled. Images that still wait are not computed.</summary>
    /// <param name="parallelBatches">
    /// Number of batches computed at a time. Each has a thread of its own, since reading and storing need the pool's threads.
    /// </param>
    public Task RunAsync(CancellationToken cancellationToken, int parallelBatches = 1)
    {
        _parallelBatches = parallelBatches;
        return Task.WhenAll(
            Enumerable
                .Range(0, parallelBatches)
                .Select(_ =>
                    Task.Factory.StartNew(
                        () => RunBatches(cancellationToken),
                        CancellationToken.None,
                        TaskCreationOptions.LongRunning,
                        TaskScheduler.Default
                    )
                )
        );
    }

    private void RunBatches(CancellationToken cancellationToken)
    {
        var computing = Task.CompletedTask;
        try
        {
            while (true)
            {
                var batch = queue.TakeAsync(cancellationToken).GetAwaiter().GetResult();
                var uploaded = Upload(batch);
                computing.GetAwaiter().GetResult();
                if (uploaded is null)
                    Explain(batch);
                else
                    computing = Task.Run(() => Explain(batch, uploaded), CancellationToken.None);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            computing.GetAwaiter().GetResult();
        }
    }

    /// <summary>Explains a batch. A batch that fails is halved until its parts succeed or a single image fails.</summary>
    internal void Explain(IReadOnlyList<ImageWork> batch)
    {
        if (batch.Count == 0)
            return; // all images were abandoned
        var fits = Fits(batch[0].Plan);
        if (batch.Count > fits)
            foreach (var part in batch.Chunk(fits))
                Explain(part, uploaded: null);
        else
            Explain(batch, uploaded: null);
    }

    private void Explain(IReadOnlyList<ImageWork> batch, IDisposable? uploaded)
    {
        try
        {
            var plan = batch[0].Plan;
            using var activity = Batches.Start("batch", batch.Select(work => work.Trace));
            activity?.SetTag("agcam.images", batch.Count).SetTag("agcam.model", plan.Engine.Model.Id);
            var (explanations, took) = Compute(plan, batch, uploaded);
            PipelineTelemetry.BatchSeconds.Record(took.TotalSeconds);
            PipelineTelemetry.DeviceBusy.Add(took.TotalSeconds / _parallelBatches); // busy seconds per second stay at most 1
            PipelineTelemetry.BatchSize.Record(batch.Count);
            queue.Took(took, batch.Count);
            for (var i = 0; i < batch.Count; i++)
                batch[i].Complete(explanations[i]);
        }
        catch (Exception e)
        {
            if (ComputeDevice.IsLost(e))
                (exit ?? FatalDeviceError.Exit)(e.Message);
            if (batch.Count == 1)
            {
                batch[0].Fail(e);
                return;
            }
            log.LogWarning("Halved a batch of {Count} images that failed: {Reason}", batch.Count, e.Message);
            if (ComputeDevice.IsOutOfMemory(e))
                LimitTo((batch.Count + 1) / 2, batch[0].Plan);
            Explain([.. batch.Take((batch.Count + 1) / 2)]);
            Explain([.. batch.Skip((batch.Count + 1) / 2)]);
        }
    }

    private (IReadOnlyList<Explanation> Explanations, TimeSpan Took) Compute(
        Plan plan,
        IReadOnlyList<ImageWork> batch,
        IDisposable? uploaded
    )
    {
        IReadOnlyList<int?> labels = [.. batch.Select(work => work.Label)];
        using var shared = AsyncLock.ReadLock(_lock).AcquireAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult();
        var startedAt = TimeProvider.System.GetTimestamp();
        using (uploaded)
        {
            var explanations = uploaded is null
                ? plan.Engine.Explain(Inputs(batch), labels, plan.Options)
                : plan.Engine.ExplainUploaded(uploaded, labels, plan.Options);
            return (explanations, TimeProvider.System.GetElapsedTime(startedAt));
        }
    }

    /// <returns>Null when the engine does not upload, or the upload failed; the batch is then uploaded as it is computed.</returns>
    private IDisposable? Upload(IReadOnlyList<ImageWork> batch)
    {
        if (batch.Count == 0 || batch.Count > Fits(batch[0].Plan))
            return null;
        try
        {
            return batch[0].Plan.Engine.Upload(Inputs(batch));
        }
        catch (Exception e) when (ComputeDevice.IsOutOfMemory(e))
        {
            return null; // the previous batch may still hold the memory
        }
        catch (Exception e) when (ComputeDevice.IsLost(e))
        {
            (exit ?? FatalDeviceError.Exit)(e.Message);
            return null;
        }
        catch (Exception e)
        {
            log.LogWarning(e, "Could not upload a batch of {Count} images ahead", batch.Count);
            return null;
        }
    }

    private int Fits(Plan plan) =>
        _fits.TryGetValue(plan.Engine, out var byMethod) && byMethod.TryGetValue(plan.Options.Method, out var images)
            ? images
            : int.MaxValue;

    private void LimitTo(int images, Plan plan) =>
        _fits.GetOrCreateValue(plan.Engine).AddOrUpdate(plan.Options.Method, images, (_, before) => Math.Min(before, images));

    private static IReadOnlyList<EngineInput> Inputs(IReadOnlyList<ImageWork> batch) => [.. batch.Select(work => work.Input)];
}
