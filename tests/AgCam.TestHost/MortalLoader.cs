using AgCam.Evaluation;
using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Worker.Engines;

namespace AgCam.TestHost;

/// <summary>
/// Loads engines whose process dies at a named point or when it decodes a given image. They may also be slow.
/// </summary>
/// <param name="loader">Null for the null engine with any model.</param>
/// <param name="poison">Digest of the image whose decoding ends the process with a segmentation fault.</param>
/// <param name="poisonImage">Key of the image of an evaluation that ends the process.</param>
internal sealed class MortalLoader(IEngineLoader? loader, Death? death, Digest? poison, double slowMilliseconds, string? poisonImage)
    : IEngineLoader
{
    public async Task<IExplainEngine> LoadAsync(ModelPin model, string dtype, CancellationToken cancellationToken) =>
        new Mortal(
            loader is null ? new NullEngine(model, dtype) : await loader.LoadAsync(model, dtype, cancellationToken),
            death,
            poison,
            slowMilliseconds,
            poisonImage
        );

    private sealed class Mortal(IExplainEngine engine, Death? death, Digest? poison, double slowMilliseconds, string? poisonImage)
        : IExplainEngine
    {
        public ModelPin Model => engine.Model;

        public ClassNames Classes => engine.Classes;

        public ExplanationRecipe Recipe(ExplainOptions options) => engine.Recipe(options);

        public Provenance Provenance(ExplainOptions options) => engine.Provenance(options);

        public EngineInput Prepare(byte[] bytes, Digest digest, ImageLimits limits)
        {
            if (digest == poison)
                Death.Segfault();
            return engine.Prepare(bytes, digest, limits);
        }

        public IReadOnlyList<Explanation> Explain(IReadOnlyList<EngineInput> images, IReadOnlyList<int?> labels, ExplainOptions options)
        {
            death?.Pass(Death.BeforeCompute);
            if (death?.IsDue(Death.FatalDevice) == true)
                throw new System.Runtime.InteropServices.ExternalException("CUDA error: unspecified launch failure");
            if (slowMilliseconds > 0)
                Thread.Sleep(TimeSpan.FromMilliseconds(slowMilliseconds * images.Count));
            var explanations = engine.Explain(images, labels, options);
            death?.Pass(Death.AfterCompute);
            return explanations;
        }

        public Explainer? Explainer => engine.Explainer;

        public IReadOnlyList<ImageRow> Measure(IReadOnlyList<EvaluationImage> images, EvaluationOptions options)
        {
            death?.Pass(Death.BeforeCompute);
            if (images.Any(image => image.Sample.Key == poisonImage))
                Death.Now();
            var rows = engine.Measure(images, options);
            death?.Pass(Death.AfterCompute);
            return rows;
        }

        public IReadOnlyList<BoundingBox> Boxes(Heatmap map, int originalWidth, int originalHeight, double threshold) =>
            engine.Boxes(map, originalWidth, originalHeight, threshold);

        public void Dispose() => engine.Dispose();
    }
}
