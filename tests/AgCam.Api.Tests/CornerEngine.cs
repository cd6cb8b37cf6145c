using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Preprocessing;
using AgCam.Worker.Engines;

namespace AgCam.Api.Tests;

/// <summary>
/// Model with known results and without libtorch: it predicts the brightest channel and its map is hot in the top left corner.
/// </summary>
/// <param name="explained">Receives the number of images of each batch.</param>
internal sealed class CornerEngine(ModelPin model, string dtype, Action<int>? explained = null) : IExplainEngine
{
    public const int Grid = 14;

    private static readonly PreprocessingOptions Options = new()
    {
        InputHeight = 224,
        InputWidth = 224,
        CropMode = CropMode.Center,
        Interpolation = Interpolation.Bilinear,
        Mean = [0.5f, 0.5f, 0.5f],
        Std = [0.5f, 0.5f, 0.5f],
    };

    private readonly Preprocessor _preprocessor = new(Options);

    public ModelPin Model => model;

    public ClassNames Classes { get; } = new(3, ["red", "green", "blue"]);

    public ExplanationRecipe Recipe(ExplainOptions options) =>
        new(model.Sha256, "corner", Options.Canonical(), options.CanonicalMethod(), dtype, options.WithEmbedding);

    public Provenance Provenance(ExplainOptions options) =>
        new()
        {
            ModelId = model.Id,
            ModelSha256 = model.Sha256,
            ModelSource = "tests",
            ModelShape = "corner",
            Preprocessing = Options.Canonical(),
            Method = options.CanonicalMethod(),
            Dtype = dtype,
            Device = "none",
            SoftwareVersion = "0",
            Commit = "none",
            TorchSharpVersion = "none",
            LibtorchVersion = "none",
        };

    public EngineInput Prepare(byte[] bytes, Digest digest, ImageLimits limits)
    {
        var photo = ImageDecoder.Decode(bytes, limits);
        return new EngineInput(
            digest,
            _preprocessor.Apply(photo),
            new PictureFacts(photo.Width, photo.Height, 1, 0.5f, 1, 1, 0.25f, 0.75f)
        );
    }

    public IReadOnlyList<Explanation> Explain(IReadOnlyList<EngineInput> images, IReadOnlyList<int?> labels, ExplainOptions options)
    {
        explained?.Invoke(images.Count);
        return [.. images.Select((image, i) => Explain(image, labels[i], options))];
    }

    public IReadOnlyList<BoundingBox> Boxes(Heatmap map, int originalWidth, int originalHeight, double threshold)
    {
        var transform = Preprocessor.TransformOf(Options, originalWidth, originalHeight);
        return [.. map.Boxes(224, 224, threshold).Select(transform.ToOriginal).OfType<BoundingBox>()];
    }

    public void Dispose() { }

    private Explanation Explain(EngineInput image, int? label, ExplainOptions options)
    {
        var logits = new float[3];
        for (var i = 0; i < image.Image.Pixels.Length; i++)
            logits[i % 3] += image.Image.Pixels[i] / (224f * 224 * 64);
        var logSumExp = Math.Log(logits.Sum(logit => Math.Exp(logit)));
        return new Explanation
        {
            Logits = logits,
            LogSumExp = logSumExp,
            Label = label,
            Embedding = options.WithEmbedding ? [.. logits.Select(logit => (Half)logit)] : null,
            Transform = image.Image.Transform,
            Predictions =
            [
                .. Target.Ranked(logits, 3).Select(i => new Prediction(i, Classes[i], Math.Exp(logits[i] - logSumExp), logits[i])),
            ],
            Targets =
            [
                .. Target
                    .Resolve(options.Targets, logits, label)
                    .Select(map => new TargetExplanation
                    {
                        Requested = map.Requested,
                        Class = map.Target.Class,
                        Against = map.Target.Against,
                        AgainstName = map.Target.Against is { } against ? Classes[against] : null,
                        Name = Classes[map.Target.Class],
                        Heatmap = Corner(),
                        Boxes = [],
                    }),
            ],
        };
    }

    /// <summary>Returns a map whose first quarter of rows and columns is hot.</summary>
    private static Heatmap Corner() =>
        new(Grid, Grid, [.. Enumerable.Range(0, Grid * Grid).Select(i => i / Grid < 4 && i % Grid < 4 ? 2f : 0.5f)]);
}

/// <summary>Loads <see cref="CornerEngine"/> and counts the explained images.</summary>
internal sealed class CornerLoader : IEngineLoader
{
    private int _explained;

    public int Explained => Volatile.Read(ref _explained);

    public Task<IExplainEngine> LoadAsync(ModelPin model, string dtype, CancellationToken cancellationToken) =>
        Task.FromResult<IExplainEngine>(new CornerEngine(model, dtype, images => Interlocked.Add(ref _explained, images)));
}
