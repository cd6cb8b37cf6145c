using System.Diagnostics;
using AgCam.Attribution;
using AgCam.Pipeline.Messages;
using AgCam.Worker.Engines;

namespace AgCam.Worker.Batching;

/// <summary>Engine and options of an explanation. Images of equal plans can share a forward pass.</summary>
internal sealed record Plan(IExplainEngine Engine, ExplainOptions Options, ExplanationRecipe Recipe, string TargetsKey)
{
    public static Plan Of(
        IExplainEngine engine,
        AttributionMethod method,
        IReadOnlyList<Target> targets,
        IReadOnlyList<string> asWritten,
        bool withEmbedding = true
    )
    {
        // Boxes are computed from the stored map, so that found and computed explanations give the same.
        var options = new ExplainOptions
        {
            Method = method,
            Targets = targets,
            WithBoxes = false,
            WithEmbedding = withEmbedding,
        };
        return new Plan(engine, options, engine.Recipe(options), string.Join('\n', asWritten));
    }

    /// <summary>Returns the targets as an explanation's identity has them. A label is named by its class.</summary>
    public string[] Canonical(int? label) => [.. Options.Targets.Select(target => target.Canonical(label))];

    public bool SharesPassWith(Plan other) =>
        ReferenceEquals(Engine, other.Engine)
        && Options.Method == other.Options.Method
        && Options.WithEmbedding == other.Options.WithEmbedding
        && TargetsKey == other.TargetsKey;
}

/// <summary>One image that waits for its explanation.</summary>
internal sealed class ImageWork(Plan plan, EngineInput input, int? label, Lane lane)
{
    private readonly TaskCompletionSource<Explanation> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _state; // 0 waits, 1 taken by the device, 2 abandoned

    public Plan Plan => plan;

    public EngineInput Input => input;

    public int? Label => label;

    public Lane Lane => lane;

    /// <summary>Span of the request, to which the batch links.</summary>
    public ActivityContext Trace { get; } = Activity.Current?.Context ?? default;

    public long Arrived { get; } = TimeProvider.System.GetTimestamp();

    public Task<Explanation> Done => _done.Task;

    /// <summary>Claims the image for a batch.</summary>
    /// <returns>False when it was abandoned.</returns>
    public bool TryTake() => Interlocked.CompareExchange(ref _state, 1, 0) == 0;

    /// <summary>
    /// Waits for the explanation. When it returns or throws, the device no longer uses the engine for this image, so the engine may be
    /// unloaded.
    /// </summary>
    public async Task<Explanation> ResultAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _done.Task.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (Interlocked.CompareExchange(ref _state, 2, 0) == 1)
        {
            return await _done.Task; // the image is in a batch: wait for its end
        }
    }

    public void Complete(Explanation explanation) => _done.TrySetResult(explanation);

    public void Fail(Exception e) => _done.TrySetException(e);
}
