using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Worker.Engines;

namespace AgCam.Testing;

/// <summary>Loads the null engine with an action that runs before each batch.</summary>
internal sealed class ObservedLoader(Action<IReadOnlyList<EngineInput>> before) : IEngineLoader
{
    /// <summary>Action for the next batches.</summary>
    public Action<IReadOnlyList<EngineInput>> Before { get; set; } = before;

    public Task<IExplainEngine> LoadAsync(ModelPin model, string dtype, CancellationToken cancellationToken) =>
        Task.FromResult<IExplainEngine>(new Observed(new NullEngine(model, dtype), images => Before(images)));

    /// <summary>Loads an engine that sleeps for each image.</summary>
    public static ObservedLoader Slow(int milliseconds) => new(images => Thread.Sleep(milliseconds * images.Count));

    internal sealed class Observed(IExplainEngine engine, Action<IReadOnlyList<EngineInput>> before) : IExplainEngine
    {
        public ModelPin Model => engine.Model;

        public ClassNames Classes => engine.Classes;

        public ExplanationRecipe Recipe(ExplainOptions options) => engine.Recipe(options);

        public Provenance Provenance(ExplainOptions options) => engine.Provenance(options);

        public EngineInput Prepare(byte[] bytes, Digest digest, ImageLimits limits) => engine.Prepare(bytes, digest, limits);

        public IReadOnlyList<Explanation> Explain(IReadOnlyList<EngineInput> images, IReadOnlyList<int?> labels, ExplainOptions options)
        {
            before(images);
            return engine.Explain(images, labels, options);
        }

        public IReadOnlyList<AgCam.Heatmaps.BoundingBox> Boxes(
            AgCam.Heatmaps.Heatmap map,
            int originalWidth,
            int originalHeight,
            double threshold
        ) => engine.Boxes(map, originalWidth, originalHeight, threshold);

        public void Dispose() => engine.Dispose();
    }
}
