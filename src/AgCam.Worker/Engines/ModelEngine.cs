using AgCam.Attribution;
using AgCam.Evaluation;
using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Models;
using AgCam.Native;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Messages;
using AgCam.Preprocessing;

namespace AgCam.Worker.Engines;

/// <summary>Engine of a model loaded on its device.</summary>
public sealed class ModelEngine(Explainer explainer, ModelPin model) : IExplainEngine
{
    private (EvaluationOptions Options, Evaluator Evaluator)? _evaluating; // kept between chunks, because its randomised models are costly

    public ModelPin Model => model;

    public Explainer? Explainer => explainer;

    public ClassNames Classes => explainer.Classes;

    public ExplanationRecipe Recipe(ExplainOptions options) => explainer.Recipe(options);

    public Provenance Provenance(ExplainOptions options) => explainer.Provenance(options);

    public EngineInput Prepare(byte[] bytes, Digest digest, ImageLimits limits)
    {
        var picture = ImageDecoder.Decode(bytes, limits);
        return new EngineInput(digest, explainer.Prepare(picture), PictureMeasures.Of(picture));
    }

    public IReadOnlyList<Explanation> Explain(IReadOnlyList<EngineInput> images, IReadOnlyList<int?> labels, ExplainOptions options) =>
        explainer.Explain([.. images.Select(image => image.Image)], labels, options);

    public IDisposable? Upload(IReadOnlyList<EngineInput> images) =>
        explainer.Device == "cpu" ? null : explainer.Upload([.. images.Select(image => image.Image)]);

    public IReadOnlyList<Explanation> ExplainUploaded(IDisposable uploaded, IReadOnlyList<int?> labels, ExplainOptions options) =>
        explainer.Explain((UploadedImages)uploaded, labels, options);

    public IReadOnlyList<ImageRow> Measure(IReadOnlyList<EvaluationImage> images, EvaluationOptions options)
    {
        if (_evaluating is not { } kept || !kept.Options.Measures(options))
        {
            _evaluating?.Evaluator.Dispose();
            _evaluating = null;
            _evaluating = (options, new Evaluator(explainer, options));
        }
        // The last digits may depend on the number of threads.
        return ComputeDevice.WithAllThreads(() => _evaluating.Value.Evaluator.Measure(images));
    }

    /// <summary>Explains a black image, so that kernels are selected and memory is reserved before the first request.</summary>
    internal void WarmUp()
    {
        var options = explainer.Preprocessing;
        var black = new RgbImage(options.InputWidth, options.InputHeight, new byte[options.InputWidth * options.InputHeight * 3]);
        var method = AttributionMethod.All.First(method => method.Fits(explainer.Config));
        explainer.Explain(black, new ExplainOptions { Method = method });
    }

    public IReadOnlyList<BoundingBox> Boxes(Heatmap map, int originalWidth, int originalHeight, double threshold)
    {
        var transform = Preprocessor.TransformOf(explainer.Preprocessing, originalWidth, originalHeight);
        return
        [
            .. map.Boxes(explainer.Preprocessing.InputWidth, explainer.Preprocessing.InputHeight, threshold)
                .Select(transform.ToOriginal)
                .OfType<BoundingBox>(),
        ];
    }

    public void Dispose()
    {
        _evaluating?.Evaluator.Dispose();
        explainer.Dispose();
    }
}

/// <summary>Loads the operator's models from their files.</summary>
public sealed class ModelLoader(ModelCatalog models, WorkerOptions options) : IEngineLoader
{
    public Task<long> BytesAsync(ModelPin model, string dtype, CancellationToken cancellationToken) =>
        Task.Run(
            () =>
            {
                using var checkpoint = Checkpoint.Open(
                    models.Find(model.Id) ?? throw NotListed(model),
                    ModelCatalog.Reading with
                    {
                        Id = model.Id,
                    }
                );
                return checkpoint.Weights.Values.Sum(weight => weight.ElementCount) * ComputeDtype.Bytes(dtype);
            },
            cancellationToken
        );

    public int SplitThreads()
    {
        try
        {
            return ComputeDevice.SplitThreads(options.Device, options.ParallelBatches);
        }
        catch (Exception e) when (e is DeviceException or NativeBackendException)
        {
            return 1; // loading a model reports the error
        }
    }

    private static ModelException NotListed(ModelPin model) =>
        new(ModelFailure.NotFound, $"This worker has no model {model.Id}. Add it to Pipeline:Models, or use a model that the worker has.");

    public async Task<IExplainEngine> LoadAsync(ModelPin model, string dtype, CancellationToken cancellationToken)
    {
        var pinned = await models.PinAsync(model.Id, cancellationToken);
        if (pinned.Sha256 != model.Sha256)
            throw new ModelException(
                WorkerFailure.AnotherModel,
                $"The request is pinned to {model.Id} with digest {model.Sha256}, but this worker's has {pinned.Sha256}. "
                    + $"Submit it again for the new weights, or restore the old ones."
            );
        return await Task.Run<IExplainEngine>(
            () =>
            {
                using var checkpoint = Checkpoint.Open(models.Find(model.Id)!, ModelCatalog.Reading with { Id = model.Id });
                var explainer = new Explainer(checkpoint, new ExplainerOptions { Device = options.Device, Dtype = dtype });
                if (explainer.ModelSha256 == model.Sha256)
                {
                    var engine = new ModelEngine(explainer, model);
                    engine.WarmUp();
                    return engine;
                }
                explainer.Dispose();
                throw new ModelException(
                    WorkerFailure.AnotherModel,
                    $"The file of {model.Id} has changed since this worker started. Restart it, and submit the request again."
                );
            },
            cancellationToken
        );
    }
}
