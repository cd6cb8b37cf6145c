using AgCam.Attribution;
using AgCam.Evaluation.Datasets;
using AgCam.Evaluation.Metrics;
using AgCam.Heatmaps;
using AgCam.Models;
using static TorchSharp.torch;

namespace AgCam.Evaluation;

/// <summary>
/// Measures the heatmaps of every method on batches of images, with the label as the target class. One forward pass serves all methods that
/// use the class token. A batch gives the same rows regardless of earlier batches. Not thread-safe.
/// </summary>
public sealed class Evaluator : IDisposable
{
    private readonly Explainer _explainer;
    private readonly EvaluationOptions _options;
    private const int NoiseDraws = 4;
    private const double NoiseSize = 0.02;
    private readonly SanityModels? _randomised;

    /// <exception cref="ModelException">A method does not support the model's head.</exception>
    public Evaluator(Explainer explainer, EvaluationOptions options)
    {
        if (AttributionMethod.Refusal(options.Methods, explainer.Config) is { } refusal)
            throw new ModelException(ModelFailure.UnsupportedArchitecture, refusal);
        (_explainer, _options) = (explainer, options);
        _randomised = options.Has(MetricFamily.Sanity) ? new SanityModels(explainer.Model) : null;
    }

    /// <returns>One row per image, in the given order.</returns>
    public IReadOnlyList<ImageRow> Measure(IReadOnlyList<EvaluationImage> images)
    {
        var ready = images.Where(image => image.Skipped is null).ToList();
        var rows = ready.Count == 0 ? [] : Rows(ready).ToDictionary(row => row.Image);
        return [.. images.Select(image => image.Skipped is { } reason ? Skipped(image, reason) : rows[image.Sample.Key])];
    }

    private ImageRow Skipped(EvaluationImage image, string reason) =>
        new(image.Sample.Key)
        {
            Skipped = reason,
            Label = image.Label,
            LabelName = image.Label is { } label ? _explainer.Classes[label] : null,
        };

    public void Dispose() => _randomised?.Dispose();

    private IEnumerable<ImageRow> Rows(List<EvaluationImage> images)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var model = _explainer.Model;
        var input = _explainer.Input([.. images.Select(image => image.Prepared!)]);
        var batch = Batch(model, input, images, images.Select(image => image.Target));
        var maps = _options.Methods.Select(method => method.Maps(batch)).ToList();
        var said = Predictions(batch);

        var values = new Dictionary<string, double>[maps.Count, images.Count];
        for (var m = 0; m < maps.Count; m++)
        for (var i = 0; i < images.Count; i++)
            values[m, i] = [];
        if (_options.Has(MetricFamily.Sanity))
            Sanity(batch, images, maps, values);
        var upsampled = Upsampled(maps, images.Count);
        var curves = Masked(input, images, upsampled, values);
        var hits = Boxes(images, said, upsampled, values);

        return images
            .Select(
                (image, i) =>
                    said[i] with
                    {
                        LabelName = _explainer.Classes[image.Target],
                        WithoutBoxes = image.WithoutBoxes,
                        WithoutMask = image.WithoutMask,
                        Repaired = image.Repaired,
                        Methods = _options
                            .Methods.Index()
                            .ToDictionary(
                                m => m.Item.Name,
                                m =>
                                    Reason(maps[m.Index][i]) is { } reason
                                        ? new MethodRow { Skipped = reason }
                                        : new MethodRow
                                        {
                                            Values = values[m.Index, i],
                                            Morf = curves[m.Index, i]?.Morf,
                                            Lerf = curves[m.Index, i]?.Lerf,
                                            Hits = hits[m.Index, i],
                                        }
                            ),
                    }
            )
            .ToList();
    }

    private static AttributionBatch Batch(VisionTransformer model, Tensor input, List<EvaluationImage> images, IEnumerable<int> targets) =>
        new(
            model,
            input,
            model.Forward(input),
            tensor(targets.Select(target => (long)target).ToArray(), device: model.Device).unsqueeze(1),
            [.. images.Select(image => image.Sample.Key)]
        );

    private static List<ImageRow> Predictions(AttributionBatch batch)
    {
        using var scope = NewDisposeScope();
        var classes = (int)batch.Pass.Logits.shape[1];
        var logits = batch.Pass.Logits.cpu().data<float>().ToArray();
        var all = batch.Pass.Logits.softmax(-1);
        var probabilities = all.gather(1, batch.Target).cpu().data<float>().ToArray();
        var highest = all.amax([-1]).cpu().data<float>().ToArray();
        var labels = batch.Target.cpu().data<long>().ToArray();
        return
        [
            .. batch.Keys.Select(
                (key, i) =>
                {
                    var best = Target.Ranked(logits.AsMemory(i * classes, classes), 5);
                    return new ImageRow(key)
                    {
                        Label = (int)labels[i],
                        Predicted = best[0],
                        Probability = probabilities[i],
                        PredictedProbability = highest[i],
                        Top5 = best.Contains((int)labels[i]),
                    };
                }
            ),
        ];
    }

    /// <summary>Returns the normalised maps at the model's input size; null for a flat map.</summary>
    private Heatmap?[,] Upsampled(List<IReadOnlyList<Heatmap?>> maps, int images)
    {
        var upsampled = new Heatmap?[maps.Count, images];
        var (height, width) = (_explainer.Preprocessing.InputHeight, _explainer.Preprocessing.InputWidth);
        Parallel.For(
            0,
            maps.Count * images,
            at =>
            {
                var (m, i) = Math.DivRem(at, images);
                if (maps[m][i] is { IsFlat: false } map)
                    upsampled[m, i] = (map.Rows == height && map.Columns == width ? map : map.Upsample(height, width)).Normalize();
            }
        );
        return upsampled;
    }

    private BoxHits?[,] Boxes(List<EvaluationImage> images, List<ImageRow> said, Heatmap?[,] maps, Dictionary<string, double>[,] values)
    {
        var hits = new BoxHits?[maps.GetLength(0), images.Count];
        Parallel.For(
            0,
            hits.Length,
            at =>
            {
                var (m, i) = Math.DivRem(at, images.Count);
                if (maps[m, i] is not { } map)
                    return;
                if (images[i].Mask is not null)
                    MapScores.Masks(images[i], map, _options, said[i].Correct is true, values[m, i]);
                if (images[i].Boxes.Count == 0)
                    return;
                if (_options.Has(MetricFamily.Localization))
                    hits[m, i] = MapScores.Localization(images[i], map, _options, said[i].Correct is true, values[m, i]);
                if (_options.Has(MetricFamily.Pointing))
                    MapScores.Pointing(images[i], map, values[m, i]);
            }
        );
        return hits;
    }

    private PerturbationCurves?[,] Masked(
        Tensor input,
        List<EvaluationImage> images,
        Heatmap?[,] maps,
        Dictionary<string, double>[,] values
    )
    {
        var curves = new PerturbationCurves?[maps.GetLength(0), images.Count];
        if (!_options.Has(MetricFamily.Perturbation) && !_options.Has(MetricFamily.Insertion))
            return curves;
        var masked = new MaskedForward(_explainer.Model, _options.MaskedBatch, _options.Parity);
        for (var i = 0; i < images.Count; i++)
        {
            var pixels = input[i].contiguous().cpu().data<float>().ToArray(); // [3, H, W]
            for (var m = 0; m < maps.GetLength(0); m++)
                if (maps[m, i] is { } map)
                {
                    if (_options.Has(MetricFamily.Perturbation))
                        curves[m, i] = masked.Perturbation(pixels, map, images[i].Target, values[m, i]);
                    if (_options.Has(MetricFamily.Insertion))
                        masked.Insertion(pixels, map, images[i].Target, values[m, i]);
                }
        }

        return curves;
    }

    /// <summary>Compares each map with those of another class, of models with randomised weights, and of slightly changed images.</summary>
    private void Sanity(
        AttributionBatch batch,
        List<EvaluationImage> images,
        List<IReadOnlyList<Heatmap?>> maps,
        Dictionary<string, double>[,] values
    )
    {
        using var scope = NewDisposeScope();
        var classes = _explainer.Config.Classes;
        var others = images.Select(image => OtherClass(image, classes)).ToArray();
        var elsewhere = batch with { Target = tensor(others, device: batch.Model.Device).unsqueeze(1) };
        Each(m =>
        {
            if (classes > 1)
                Compare("randomLogit", m, _options.Methods[m].Maps(elsewhere));
        });
        foreach (var (metric, model) in _randomised!.Stages)
        {
            using var stage = NewDisposeScope();
            var random = Batch(model, batch.Input, images, images.Select(image => image.Target));
            Each(m => Compare(metric, m, _options.Methods[m].Maps(random)));
        }

        var noisy = Enumerable.Range(0, maps.Count).Select(_ => images.Select(_ => new List<Heatmap>()).ToList()).ToList();
        for (var draw = 0; draw < NoiseDraws; draw++)
        {
            using var item = NewDisposeScope();
            var changed = Batch(batch.Model, batch.Input.Plus(Noise(batch, draw)), images, images.Select(image => image.Target));
            Each(m =>
            {
                foreach (var (i, map) in _options.Methods[m].Maps(changed).Index())
                    if (map is not null)
                        noisy[m][i].Add(map);
            });
        }

        Each(m =>
        {
            for (var i = 0; i < images.Count; i++)
                if (maps[m][i] is { IsFlat: false } map && noisy[m][i].Count == NoiseDraws)
                    MapScores.Put(values[m, i], "maxSensitivity", Similarity.MaxSensitivity(map, noisy[m][i]));
        });

        void Each(Action<int> method)
        {
            for (var m = 0; m < maps.Count; m++)
                if (!_options.Methods[m].IsGiven)
                    method(m);
        }

        void Compare(string metric, int m, IReadOnlyList<Heatmap?> changed)
        {
            for (var i = 0; i < images.Count; i++)
                if (maps[m][i] is { IsFlat: false } map && changed[i] is { IsFlat: false } other)
                    MapScores.Put(values[m, i], metric, Similarity.RankCorrelation(map.Values, other.Values));
        }
    }

    /// <summary>Returns uniform noise [B, 3, H, W] that depends only on the image's key.</summary>
    private static Tensor Noise(AttributionBatch batch, int draw)
    {
        using var scope = NewDisposeScope();
        var shape = batch.Input.shape[1..];
        return stack(
                batch.Keys.Select(key =>
                    rand(shape, generator: new Generator(Controls.Seed(key) + (ulong)draw)).Times(2 * NoiseSize).Plus(-NoiseSize)
                )
            )
            .to(batch.Input.device)
            .MoveToOuterDisposeScope();
    }

    private static string? Reason(Heatmap? map) => map is null ? SkipReason.NoHeatmap : map.Reason;

    /// <summary>Returns a class other than the label that depends only on the image's key.</summary>
    private static long OtherClass(EvaluationImage image, int classes) =>
        classes == 1 ? 0 : (image.Target + 1 + (long)(Controls.Seed(image.Sample.Key) % (ulong)(classes - 1))) % classes;
}
