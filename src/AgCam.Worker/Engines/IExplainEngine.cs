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

    /// <summary>Explains a batch. Called from one thread at a time.</summary>
    /// <param name="labels">Each image's class, or null; as many as images.</param>
    /// <returns>One for each image, in their order.</returns>
    IReadOnlyList<Explanation> Explain(IReadOnlyList<EngineInput> images, IReadOnlyList<int?> labels, ExplainOptions options);

    /// <summary>The boxes of a raw map in the pixels of an original of that size.</summary>
    IReadOnlyList<BoundingBox> Boxes(Heatmap map, int originalWidth, int originalHeight, double threshold);
}

/// <summary>An image ready for the device, and what was measured of the picture on the way.</summary>
public sealed record EngineInput(Digest Digest, PreparedImage Image, PictureFacts Facts);

/// <summary>Where engines come from.</summary>
public interface IEngineLoader
{
    /// <exception cref="Models.ModelException">The model is not allowed, not the one that the pin means, or cannot be loaded.</exception>
    Task<IExplainEngine> LoadAsync(ModelPin model, string dtype, CancellationToken cancel);
}
