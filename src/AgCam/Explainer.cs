using AgCam.Attribution;
using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Models;
using AgCam.Native;
using AgCam.Preprocessing;
using TorchSharp;
using static TorchSharp.torch;

namespace AgCam;

/// <summary>Options for loading a model.</summary>
public sealed record ExplainerOptions
{
    /// <summary>Device: auto, cpu, cuda or cuda:n. Default auto.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>
    /// Element type of the forward pass: float32, bfloat16 or float16. Maps are always summed in float32. Default float32.
    /// </summary>
    public string Dtype { get; init; } = "float32";
}

/// <summary>Options of an explanation: targets, method and boxes.</summary>
public sealed record ExplainOptions
{
    public static ExplainOptions Default { get; } = new();

    /// <summary>Targets to explain. Default: the predicted class.</summary>
    public IReadOnlyList<Target> Targets { get; init; } = [Target.Predicted];

    /// <summary>
    /// Threshold for boxes on the map scaled to [0, 1]; a pixel belongs to a box when its value is strictly above. Default 0.5, the
    /// paper's.
    /// </summary>
    public double Threshold { get; init; } = 0.5;

    /// <summary>Boxes to return. Default: all.</summary>
    public BoxSelection Boxes { get; init; } = BoxSelection.All;

    /// <summary>Whether to find boxes. When false, they can be found later from the stored map. Default true.</summary>
    public bool WithBoxes { get; init; } = true;

    /// <summary>Whether to keep the embedding. Default true.</summary>
    public bool WithEmbedding { get; init; } = true;

    /// <summary>Weight gamma of the second class in a contrastive target: Y = logit[c] - gamma logit[d]. Default 1.</summary>
    public double Gamma { get; init; } = 1;

    /// <summary>Whether to compute the evidence against each class too. Default false.</summary>
    public bool Signed { get; init; }

    /// <summary>Attribution method. Default: the paper's.</summary>
    public AttributionMethod Method { get; init; } = AttributionMethod.Default;

    /// <summary>
    /// Returns the method with its version and parameters, as identity and provenance record it. Threshold and boxes follow from the map,
    /// so they are not part of it.
    /// </summary>
    public string CanonicalMethod() =>
        $"{Method}" + (Gamma == 1 ? "" : FormattableString.Invariant($";gamma={Gamma}")) + (Signed ? ";signed" : "");

    /// <summary>
    /// Returns the first field that does not fit the model or the method, with the reason and what would fit. Null when all fit.
    /// </summary>
    /// <param name="config">Model; null for a stand-in that every method fits.</param>
    public (string Field, string Reason)? Refusal(ViTConfig? config)
    {
        if (config is not null && Method.Refusal(config) is { } unfit)
            return ("method", unfit);
        if (!Method.Contrasts && Targets.Index().FirstOrDefault(target => target.Item.IsContrastive) is { Item: not null } contrastive)
            return (
                $"targets[{contrastive.Index}]",
                Without("one class against another", "a target without -vs-", method => method.Contrasts)
            );
        return Signed && !Method.HasNegative
            ? ("signed", Without("the evidence against a class", "no signed map", method => method.HasNegative))
            : null;

        string Without(string what, string instead, Func<AttributionMethod, bool> able)
        {
            var fitting = AttributionMethod.All.Where(method => able(method) && (config is null || method.Fits(config)));
            return $"{Method.Name} does not explain {what}. Take {instead}, or a method of "
                + $"{string.Join(", ", fitting.Select(method => method.Name))}.";
        }
    }
}

/// <summary>
/// Loaded model that explains its predictions: preprocess, forward, attribute, find boxes. <see cref="Prepare"/> is thread-safe.
/// <see cref="Explain(IReadOnlyList{PreparedImage}, IReadOnlyList{int?}, ExplainOptions)"/> uses the whole device, so call it from one
/// thread at a time.
/// </summary>
public sealed class Explainer : IDisposable
{
    private readonly VisionTransformer _model;
    private readonly Preprocessor _preprocessor;
    private readonly Tensor _mean; // [1, 3, 1, 1]
    private readonly Tensor _std;

    // 255 as a tensor: a GPU would multiply by the reciprocal of a plain number and give other last bits.
    private readonly Tensor _levels;
    private readonly NativeBackend _backend;
    private readonly string _source;

    /// <summary>Loads the weights onto the device. The checkpoint may be closed afterwards.</summary>
    /// <exception cref="ModelException">The model is unsupported, or has no preprocessing configuration.</exception>
    /// <exception cref="NativeBackendException">libtorch cannot be loaded.</exception>
    /// <exception cref="DeviceException">The requested device does not exist.</exception>
    public Explainer(Checkpoint checkpoint, ExplainerOptions? options = null)
    {
        options ??= new ExplainerOptions();
        var hash = checkpoint.Sha256Async(); // while the weights load
        _preprocessor = new Preprocessor(checkpoint.Preprocessing);
        _backend = NativeBackend.Load();
        Dtype = ComputeDtype.Canonical(options.Dtype);
        var device = ComputeDevice.Find(options.Device);
        _model = VisionTransformer.Load(
            checkpoint,
            device,
            Enum.Parse<ScalarType>(Dtype, ignoreCase: true),
            Preprocessing.InputHeight,
            Preprocessing.InputWidth
        );
        _mean = tensor(Preprocessing.Mean.ToArray()).view(1, 3, 1, 1).to(device).DetachFromDisposeScope();
        _std = tensor(Preprocessing.Std.ToArray()).view(1, 3, 1, 1).to(device).DetachFromDisposeScope();
        _levels = tensor(new[] { 255f }).to(device).DetachFromDisposeScope();
        Classes = new ClassNames(Config.Classes, checkpoint.ClassNames, checkpoint.WordNetIds);
        (ModelId, _source) = (checkpoint.Id, checkpoint.Source);
        ModelSha256 = Digest.Parse(hash.GetAwaiter().GetResult());
    }

    /// <summary>Id of the model, as given with the checkpoint.</summary>
    public string ModelId { get; }

    /// <summary>SHA-256 of the checkpoint's weights.</summary>
    public Digest ModelSha256 { get; }

    public ViTConfig Config => _model.Config;

    public PreprocessingOptions Preprocessing => _preprocessor.Options;

    public ClassNames Classes { get; }

    /// <summary>Element type of the forward pass: float32, bfloat16 or float16.</summary>
    public string Dtype { get; }

    /// <summary>Device of the weights: cpu or cuda:n.</summary>
    public string Device => ComputeDevice.Name(_model.Device);

    internal VisionTransformer Model => _model;

    /// <summary>Returns everything that determines an explanation's numbers except the image and the targets.</summary>
    public ExplanationRecipe Recipe(ExplainOptions options) =>
        new(ModelSha256, Config.Canonical(), Preprocessing.Canonical(), options.CanonicalMethod(), Dtype, options.WithEmbedding);

    /// <summary>Returns the record of what computes explanations with these options.</summary>
    public Provenance Provenance(ExplainOptions options) =>
        AgCam.Provenance.Of(ModelId, _source, Recipe(options), Device.Split(':')[0], _backend);

    /// <summary>Resizes and crops a decoded image to the model's input.</summary>
    public PreparedImage Prepare(RgbImage image) => _preprocessor.Apply(image);

    /// <summary>Explains the predicted class of one image.</summary>
    public Explanation Explain(RgbImage image) => Explain(image, ExplainOptions.Default);

    /// <summary>Explains one image without a label.</summary>
    public Explanation Explain(RgbImage image, ExplainOptions options) => Explain([Prepare(image)], [null], options)[0];

    /// <summary>Explains a batch: one forward pass, then one chain of small products for all targets.</summary>
    /// <param name="labels">Label of each image, or null; as many as images.</param>
    /// <exception cref="ModelException">The options do not fit the model, for example the method its head.</exception>
    public IReadOnlyList<Explanation> Explain(IReadOnlyList<PreparedImage> images, IReadOnlyList<int?> labels, ExplainOptions options)
    {
        if (images.Count == 0)
            return [];
        using var uploaded = Upload(images);
        return Explain(uploaded, labels, options);
    }

    /// <summary>Explains a batch that has been uploaded to the device.</summary>
    /// <exception cref="ModelException">The options do not fit the model, for example the method its head.</exception>
    public IReadOnlyList<Explanation> Explain(UploadedImages images, IReadOnlyList<int?> labels, ExplainOptions options)
    {
        if (options.Refusal(Config) is { } refusal)
            throw new ModelException(ModelFailure.UnsupportedArchitecture, refusal.Reason);
        // Autograd does not accept tensors made in inference mode.
        using IDisposable mode = options.Method.IsClosedForm ? inference_mode() : no_grad();
        using var scope = NewDisposeScope();
        var startedAt = Stage.Begin();
        var input = Normalized(images.Bytes);
        using var pass = _model.Forward(input);
        var transforms = images.Transforms;
        var logits = Rows<float>(pass.Logits);
        var embeddings = options.WithEmbedding ? Rows<Half>(pass.Embedding.to(float16)) : null;
        startedAt = Stage.End(Stage.Forward, startedAt);
        var targets = logits.Select((row, i) => Target.Resolve(options.Targets, row, labels[i])).ToList();
        var (maps, negatives) = Maps(input, pass, targets, options);
        Stage.End(Stage.Explain, startedAt);

        return
        [
            .. transforms.Select(
                (transform, i) =>
                    new Explanation
                    {
                        Logits = logits[i],
                        LogSumExp = LogSumExp(logits[i]),
                        Predictions = Top(logits[i]),
                        Label = labels[i],
                        Embedding = embeddings?[i],
                        Transform = transform,
                        Targets = [.. targets[i].Select((target, k) => Explain(target, maps[i][k], negatives?[i][k], transform, options))],
                    }
            ),
        ];
    }

    public void Dispose()
    {
        _model.Dispose();
        _mean.Dispose();
        _std.Dispose();
        _levels.Dispose();
    }

    private TargetExplanation Explain(
        RequestedMap requested,
        Heatmap map,
        Heatmap? negative,
        InputTransform transform,
        ExplainOptions options
    )
    {
        var target = requested.Target;
        var boxes = options.WithBoxes
            ? map.Boxes(Preprocessing.InputWidth, Preprocessing.InputHeight, options.Threshold)
                .Select(transform.ToOriginal)
                .OfType<BoundingBox>()
            : [];
        return new TargetExplanation
        {
            Requested = requested.Requested,
            Class = target.Class,
            Name = Classes[target.Class],
            Against = target.Against,
            AgainstName = target.Against is { } against ? Classes[against] : null,
            Heatmap = map,
            Negative = negative,
            Boxes = [.. options.Boxes == BoxSelection.Largest ? boxes.Take(1) : boxes],
        };
    }

    /// <summary>
    /// Uploads a batch to the device as bytes, a quarter of the size of floats. To a GPU it is copied asynchronously from pinned memory,
    /// while the previous batch is computed. May run on another thread than explaining. Dispose the result after use.
    /// </summary>
    public UploadedImages Upload(IReadOnlyList<PreparedImage> images)
    {
        var startedAt = Stage.Begin();
        using var scope = NewDisposeScope();
        var (height, width) = (Preprocessing.InputHeight, Preprocessing.InputWidth);
        var bytes = empty([images.Count, height, width, 3], uint8);
        var at = bytes.bytes;
        foreach (var image in images)
        {
            image.Pixels.CopyTo(at);
            at = at[image.Pixels.Length..];
        }

        if (_model.Device.type == DeviceType.CUDA)
            bytes = bytes.pin_memory();
        var uploaded = new UploadedImages(
            bytes.to(_model.Device, non_blocking: true).DetachFromDisposeScope(),
            [.. images.Select(image => image.Transform)]
        );
        Stage.End(Stage.Copy, startedAt); // packing only: on a GPU the transfer continues during the previous batch
        return uploaded;
    }

    /// <summary>Returns normalised pixels, [B, 3, H, W], float32.</summary>
    internal Tensor Input(IReadOnlyList<PreparedImage> images)
    {
        using var uploaded = Upload(images);
        return Normalized(uploaded.Bytes);
    }

    /// <summary>Converts bytes to normalised pixels on the device, [B, 3, H, W].</summary>
    /// <param name="bytes">[B, H, W, 3]</param>
    private Tensor Normalized(Tensor bytes)
    {
        using var scope = NewDisposeScope();
        var pixels = bytes.permute(0, 3, 1, 2).to(float32).contiguous(); // [B, 3, H, W]
        return pixels.div_(_levels).sub_(_mean).div_(_std).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Computes maps for every image and target. Shorter target lists are padded to the longest, and the padding is cut off afterwards.
    /// </summary>
    private (Heatmap[][] Positive, Heatmap[][]? Negative) Maps(
        Tensor input,
        ForwardPass pass,
        List<IReadOnlyList<RequestedMap>> targets,
        ExplainOptions options
    )
    {
        var maximum = targets.Max(list => list.Count);
        if (maximum == 0)
            return (
                [.. targets.Select(_ => Array.Empty<Heatmap>())],
                options.Signed ? [.. targets.Select(_ => Array.Empty<Heatmap>())] : null
            );
        var padded = targets
            .SelectMany(list => list.Select(map => map.Target).Concat(Enumerable.Repeat(new ResolvedTarget(0), maximum - list.Count)))
            .ToArray();
        Tensor OnDevice(Tensor values) => values.view(targets.Count, maximum).to(_model.Device); // [B, K]
        var contrastive = padded.Any(target => target.Against is not null);
        var classes = OnDevice(tensor(padded.Select(t => (long)t.Class).ToArray()));
        var against = contrastive ? OnDevice(tensor(padded.Select(t => (long)(t.Against ?? 0)).ToArray())) : null;
        var gamma = contrastive ? OnDevice(tensor(padded.Select(t => t.Against is null ? 0f : (float)options.Gamma).ToArray())) : null;
        var batch = new AttributionBatch(_model, input, pass, classes, [])
        {
            Against = against,
            Gamma = gamma,
            Signed = options.Signed,
        };
        var (positive, negative) = options.Method.Attribute(batch);
        return (OnGrid(positive, targets), negative is null ? null : OnGrid(negative, targets));
    }

    private Heatmap[][] OnGrid(Tensor maps, List<IReadOnlyList<RequestedMap>> targets)
    {
        var (rows, columns, maximum) = (Config.GridRows, Config.GridColumns, (int)maps.shape[1]);
        var values = maps.contiguous().cpu().data<float>().ToArray();
        return
        [
            .. targets.Select(
                (list, i) =>
                    list.Select(
                            (_, k) =>
                                new Heatmap(rows, columns, values.AsSpan(((i * maximum) + k) * rows * columns, rows * columns).ToArray())
                        )
                        .ToArray()
            ),
        ];
    }

    /// <summary>Copies a matrix [B, width] to one array per row.</summary>
    private static T[][] Rows<T>(Tensor matrix)
        where T : unmanaged => [.. matrix.contiguous().cpu().data<T>().ToArray().Chunk((int)matrix.shape[1])];

    private Prediction[] Top(float[] logits)
    {
        var sum = LogSumExp(logits);
        return [.. Target.Ranked(logits, 5).Select(i => new Prediction(i, Classes[i], Math.Exp(logits[i] - sum), logits[i]))];
    }

    private static double LogSumExp(float[] logits)
    {
        double maximum = logits.Max();
        return maximum + Math.Log(logits.Sum(logit => Math.Exp(logit - maximum)));
    }
}
