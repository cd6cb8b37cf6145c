using AgCam.Evaluation;
using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Preprocessing;

namespace AgCam.Worker.Engines;

/// <summary>One loaded model, or what stands in for one.</summary>
public interface IExplainEngine : IDisposable
{
    ModelPin Model { get; }

    ClassNames Classes { get; }

    /// <summary>See <see cref="Explainer.Recipe"/>.</summary>
    ExplanationRecipe Recipe(ExplainOptions options);

    Provenance Provenance(ExplainOptions options);

    /// <summary>Decodes and prepares one image. Called from several threads.</summary>
    /// <param name="bytes">Of the image's file.</param>
    /// <param name="digest">Their SHA-256.</param>
    /// <exception cref="ImageException">The bytes are no image that can be explained.</exception>
    EngineInput Prepare(byte[] bytes, Digest digest, ImageLimits limits);

    /// <summary>Explains a batch. Called from as many threads at a time as <see cref="IEngineLoader.SplitThreads"/> says.</summary>
    /// <param name="labels">Each image's class, or null; as many as images.</param>
    /// <returns>One for each image, in their order.</returns>
    IReadOnlyList<Explanation> Explain(IReadOnlyList<EngineInput> images, IReadOnlyList<int?> labels, ExplainOptions options);

    /// <summary>
    /// Begins to bring a batch to the device, while the one before is computed there. Called from one thread at a time, not that of
    /// <see cref="Explain"/>.
    /// </summary>
    /// <returns>To be handed to <see cref="ExplainUploaded"/> and disposed after it; null where it gains nothing, as on a CPU.</returns>
    IDisposable? Upload(IReadOnlyList<EngineInput> images) => null;

    /// <summary>As <see cref="Explain"/>, of what <see cref="Upload"/> gave.</summary>
    IReadOnlyList<Explanation> ExplainUploaded(IDisposable uploaded, IReadOnlyList<int?> labels, ExplainOptions options) =>
        throw new NotSupportedException("This engine uploads nothing.");

    /// <summary>What images are prepared with that are to be measured; null for what stands in for a model: it measures nothing.</summary>
    Explainer? Explainer => null;

    /// <summary>
    /// Measures a batch, as <see cref="Evaluator.Measure"/>. Called from one thread at a time, and while nothing else is computed.
    /// </summary>
    /// <exception cref="Models.ModelException">One of the methods is not for the model's head.</exception>
    IReadOnlyList<ImageRow> Measure(IReadOnlyList<EvaluationImage> images, EvaluationOptions options) =>
        throw new NotSupportedException("This engine measures nothing.");

    /// <summary>The boxes of a raw map in the pixels of an original of that size.</summary>
    IReadOnlyList<BoundingBox> Boxes(Heatmap map, int originalWidth, int originalHeight, double threshold);
}

/// <summary>An image ready for the device, and what was measured of the picture on the way.</summary>
public sealed record EngineInput(Digest Digest, PreparedImage Image, PictureFacts Facts);

/// <summary>Where engines come from.</summary>
public interface IEngineLoader
{
    /// <summary>
    /// Called once, before any engine is loaded: threads are shared among as many batches as are best computed at the same time.
    /// </summary>
    /// <returns>How many these are.</returns>
    int SplitThreads() => 1;

    /// <summary>
    /// What the model's weights will take of the device's memory, known without loading it. Default 0: not worth counting.
    /// </summary>
    /// <exception cref="Models.ModelException">The model is not allowed, or cannot be read.</exception>
    Task<long> BytesAsync(ModelPin model, string dtype, CancellationToken cancellationToken) => Task.FromResult(0L);

    /// <summary>Ready to be used at its full speed.</summary>
    /// <exception cref="Models.ModelException">The model is not allowed, not the one that the pin means, or cannot be loaded.</exception>
    Task<IExplainEngine> LoadAsync(ModelPin model, string dtype, CancellationToken cancellationToken);
}
