using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Worker.Engines;

namespace AgCam.TestHost;

/// <summary>The null engine, with an image that brings the process down when it is decoded.</summary>
internal sealed class MortalLoader(Death? death, Digest? poison, int slowMilliseconds) : IEngineLoader
{
    public async Task<IExplainEngine> LoadAsync(ModelPin model, string dtype, CancellationToken cancel) => new Mortal(await new NullLoader().LoadAsync(model, dtype, cancel), death, poison, slowMilliseconds);

    private sealed class Mortal(IExplainEngine engine, Death? death, Digest? poison, int slowMilliseconds) : IExplainEngine
    {
        public ModelPin Model => engine.Model;

        public ClassNames Classes => engine.Classes;

        public ExplanationRecipe Recipe(ExplainOptions options) => engine.Recipe(options);

        public Provenance Provenance(ExplainOptions options) => engine.Provenance(options);

        public EngineInput Prepare(byte[] bytes, Digest digest, ImageLimits limits)
        {
            if (digest == poison)
                Death.Now();
            return engine.Prepare(bytes, digest, limits);
        }

        public IReadOnlyList<Explanation> Explain(IReadOnlyList<EngineInput> images, IReadOnlyList<int?> labels, ExplainOptions options)
        {
            death?.Pass(Death.BeforeCompute);
            if (slowMilliseconds > 0)
                Thread.Sleep(slowMilliseconds * images.Count);
            var explanations = engine.Explain(images, labels, options);
            death?.Pass(Death.AfterCompute);
            return explanations;
        }

        public IReadOnlyList<BoundingBox> Boxes(Heatmap map, int originalWidth, int originalHeight, double threshold) => engine.Boxes(map, originalWidth, originalHeight, threshold);

        public void Dispose() => engine.Dispose();
    }
}
