using System.Runtime.CompilerServices;
using AgCam.Pipeline.Telemetry;
using AgCam.Worker.Engines;
using Microsoft.Extensions.Logging;

namespace AgCam.Worker.Batching;

/// <summary>
/// What computes: takes batches and explains them. On a GPU one after the other, the next one packed and on its way to the device
/// meanwhile; on a CPU in lanes that share its processors.
/// </summary>
/// <param name="exit">What becomes of the process when its device is lost; null for <see cref="FatalDeviceError.Exit"/>.</param>
internal sealed class Device(BatchQueue queue, ILogger<Device> log, Action<string>? exit = null)
{
    /// <summary>How many images of an engine fit into the device's memory, once more have not.</summary>
    private readonly ConditionalWeakTable<IExplainEngine, StrongBox<int>> _fits = [];

    private readonly DeviceTurns _turns = new();

    private int _lanes = 1;

    /// <summary>
    /// Other work on the device, which has it alone: it waits for the batches that are computed, and those that come wait for it.
    /// </summary>
    /// <param name="images">Of the work, for the trace.</param>
    public async Task<T> ExclusiveAsync<T>(Func<T> work, int images, CancellationToken cancellationToken)
    {
        await _turns.EnterAsync(alone: true, cancellationToken);
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
        finally
        {
            _turns.Leave(alone: true);
        }
    }

    /// <param name="parallelBatches">Batches at a time, each on a thread of its own: a thread of the pool would be missing to those who
    /// read and store.</param>
    /// <returns>When cancelled; what waits then is not computed any more.</returns>
    public Task RunAsync(CancellationToken cancellationToken, int parallelBatches = 1)
    {
        _lanes = parallelBatches;
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

    /// <summary>A batch that fails is halved until it fits into memory, or the one image that makes it fail is alone.</summary>
    internal void Explain(IReadOnlyList<ImageWork> batch)
    {
        if (batch.Count == 0)
            return; // all abandoned
        if (_fits.TryGetValue(batch[0].Plan.Engine, out var fits) && batch.Count > fits.Value)
            foreach (var part in batch.Chunk(fits.Value))
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
            PipelineTelemetry.DeviceBusy.Add(took.TotalSeconds / _lanes); // at most a second in a second
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
            log.LogWarning("A batch of {Count} failed and is halved: {Reason}", batch.Count, e.Message);
            if (ComputeDevice.IsOutOfMemory(e))
                Fits(batch[0].Plan.Engine, (batch.Count + 1) / 2);
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
        _turns.EnterAsync(alone: false, CancellationToken.None).GetAwaiter().GetResult();
        try
        {
            var startedAt = TimeProvider.System.GetTimestamp();
            using (uploaded)
            {
                var explanations = uploaded is null
                    ? plan.Engine.Explain(Inputs(batch), labels, plan.Options)
                    : plan.Engine.ExplainUploaded(uploaded, labels, plan.Options);
                return (explanations, TimeProvider.System.GetElapsedTime(startedAt));
            }
        }
        finally
        {
            _turns.Leave(alone: false);
        }
    }

    /// <returns>Null where nothing is gained by it, or it did not work: then the batch is tried as a whole.</returns>
    private IDisposable? Upload(IReadOnlyList<ImageWork> batch)
    {
        if (batch.Count == 0 || _fits.TryGetValue(batch[0].Plan.Engine, out var fits) && batch.Count > fits.Value)
            return null;
        try
        {
            return batch[0].Plan.Engine.Upload(Inputs(batch));
        }
        catch (Exception e) when (ComputeDevice.IsOutOfMemory(e))
        {
            return null; // there may be room once the batch before is through
        }
        catch (Exception e) when (ComputeDevice.IsLost(e))
        {
            (exit ?? FatalDeviceError.Exit)(e.Message);
            return null;
        }
        catch (Exception e)
        {
            log.LogWarning(e, "A batch of {Count} could not be uploaded and is tried as a whole", batch.Count);
            return null;
        }
    }

    private void Fits(IExplainEngine engine, int images)
    {
        var fits = _fits.GetValue(engine, _ => new StrongBox<int>(int.MaxValue));
        fits.Value = Math.Min(fits.Value, images);
    }

    private static IReadOnlyList<EngineInput> Inputs(IReadOnlyList<ImageWork> batch) => [.. batch.Select(work => work.Input)];
}
