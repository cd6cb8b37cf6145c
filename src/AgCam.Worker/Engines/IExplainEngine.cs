using AgCam.Evaluation;
using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Preprocessing;

namespace AgCam.Worker.Engines;

/// <summary>A loaded model, or a substitute for one in tests and measurements.</summary>
public interface IExplainEngine : IDisposable
{
    ModelPin Model { get; }

    ClassNames Classes { get; }

    /// <summary>See <see cref="Explainer.Recipe"/>.</summary>
    ExplanationRecipe Recipe(ExplainOptions options);

    Provenance Provenance(ExplainOptions options);

    /// <summary>Decodes and prepares one image. Called from several threads.</summary>
    /// <param name="bytes">Content of the image file.</param>
    /// <param name="digest">SHA-256 of the content.</param>
    /// <exception cref="ImageException">The bytes are not an image that can be explained.</exception>
    EngineInput Prepare(byte[] bytes, Digest digest, ImageLimits limits);

    /// <summary>Explains a batch. At most <see cref="IEngineLoader.SplitThreads"/> threads call it at a time.</summary>
    /// <param name="labels">Each image's class, or null; as many as images.</param>
    /// <returns>One for each image, in their order.</returns>
    IReadOnlyList<Explanation> Explain(IReadOnlyList<EngineInput> images, IReadOnlyList<int?> labels, ExplainOptions options);

    /// <summary>
    /// Begins to upload a batch while the previous one is computed. One thread calls it at a time, another than that of
    /// <see cref="Explain"/>.
    /// </summary>
    /// <returns>Argument of <see cref="ExplainUploaded"/>, disposed after it. Null where uploading gains nothing, as on a CPU.</returns>
    IDisposable? Upload(IReadOnlyList<EngineInput> images) => null;

    /// <summary>Explains a batch that <see cref="Upload"/> returned.</summary>
    IReadOnlyList<Explanation> ExplainUploaded(IDisposable uploaded, IReadOnlyList<int?> labels, ExplainOptions options) =>
        throw new NotSupportedException("This engine does not upload batches.");

    /// <summary>Explainer that prepares images for evaluation. Null for a substitute, which cannot evaluate.</summary>
    Explainer? Explainer => null;

    /// <summary>
    /// Measures a batch, as <see cref="Evaluator.Measure"/>. One thread calls it at a time, while no batch is explained.
    /// </summary>
    /// <exception cref="Models.ModelException">One of the methods is not for the model's head.</exception>
    IReadOnlyList<ImageRow> Measure(IReadOnlyList<EvaluationImage> images, EvaluationOptions options) =>
        throw new NotSupportedException("This engine cannot evaluate.");

    /// <summary>Returns the boxes of a raw map, in pixels of an original of that size.</summary>
    IReadOnlyList<BoundingBox> Boxes(Heatmap map, int originalWidth, int originalHeight, double threshold);
}

/// <summary>An image that is prepared for the device, with facts about the picture.</summary>
public sealed record EngineInput(Digest Digest, PreparedImage Image, PictureFacts Facts);

/// <summary>Loads engines.</summary>
public interface IEngineLoader
{
    /// <summary>
    /// Divides the threads among the batches that are computed at the same time. Called once, before any engine is loaded.
    /// </summary>
    /// <returns>Number of batches to compute at the same time.</returns>
    int SplitThreads() => 1;

    /// <summary>Returns the device memory of the model's weights in bytes, without loading it. Default 0: not counted.</summary>
    /// <exception cref="Models.ModelException">The model is not allowed, or cannot be read.</exception>
    Task<long> BytesAsync(ModelPin model, string dtype, CancellationToken cancellationToken) => Task.FromResult(0L);

    /// <summary>Loads an engine and warms it up.</summary>
    /// <exception cref="Models.ModelException">The model is not allowed, has another digest, or cannot be loaded.</exception>
    Task<IExplainEngine> LoadAsync(ModelPin model, string dtype, CancellationToken cancellationToken);
}
