using System.Diagnostics;
using AgCam.Pipeline.Messages;
using AgCam.Worker.Engines;

namespace AgCam.Worker.Batching;

/// <summary>What is done to images: images of equal plans can share a forward pass.</summary>
internal sealed record Plan(IExplainEngine Engine, ExplainOptions Options, ExplanationRecipe Recipe, string TargetsKey)
{
    public static Plan Of(IExplainEngine engine, IReadOnlyList<Target> targets, IReadOnlyList<string> asWritten)
    {
        // Boxes are cut from the stored map, so that found and computed explanations give the same ones.
        var options = new ExplainOptions { Targets = targets, WithBoxes = false };
        return new Plan(engine, options, engine.Recipe(options), string.Join('\n', asWritten));
    }

    /// <summary>The targets as they stand in an explanation's identity. A label stands in it by its class.</summary>
    public string[] Canonical(int? label) => [.. Options.Targets.Select(target => target.Canonical(label))];

    public bool SharesPassWith(Plan other) => ReferenceEquals(Engine, other.Engine) && TargetsKey == other.TargetsKey;
}

/// <summary>One image on its way over the device.</summary>
internal sealed class ImageWork(Plan plan, EngineInput input, int? label, Lane lane)
{
    private readonly TaskCompletionSource<Explanation> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _state; // 0 waits, 1 taken by the device, 2 abandoned

    public Plan Plan => plan;

    public EngineInput Input => input;

    public int? Label => label;

    public Lane Lane => lane;

    /// <summary>The request's span, for the batch to link to.</summary>
    public ActivityContext Trace { get; } = Activity.Current?.Context ?? default;

    public long Arrived { get; } = TimeProvider.System.GetTimestamp();

    public Task<Explanation> Done => _done.Task;

    /// <summary>The device takes it.</summary>
    /// <returns>False when nobody wants it any more.</returns>
    public bool TryTake() => Interlocked.CompareExchange(ref _state, 1, 0) == 0;

    /// <summary>
    /// Waits for the explanation. When it returns, in whatever way, the device has done with the engine as far as this image goes, so
    /// the engine may be unloaded.
    /// </summary>
    public async Task<Explanation> ResultAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _done.Task.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (Interlocked.CompareExchange(ref _state, 2, 0) == 1)
        {
            return await _done.Task; // it is in a batch already, which takes no longer than a batch takes
        }
    }

    public void Complete(Explanation explanation) => _done.TrySetResult(explanation);

    public void Fail(Exception e) => _done.TrySetException(e);
}
