using AgCam.Heatmaps;
using AgCam.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace AgCam.Attribution;

/// <summary>
/// Input of an attribution method: a batch of images, one forward pass that all methods share, and the classes to explain.
/// </summary>
/// <param name="Input">Normalised pixels, [B, 3, H, W], float32. Not an inference tensor when the method needs autograd.</param>
/// <param name="Pass">Forward pass of the model over the input.</param>
/// <param name="Target">Class indices, [B, K], int64.</param>
/// <param name="Keys">Keys of the images, the same in every shard; empty outside evaluations.</param>
internal sealed record AttributionBatch(VisionTransformer Model, Tensor Input, ForwardPass Pass, Tensor Target, IReadOnlyList<string> Keys)
{
    /// <summary>Class indices to contrast with, [B, K], int64; null when every target is plain.</summary>
    public Tensor? Against { get; init; }

    /// <summary>Weight of the class against, [B, K], float32; 0 where a target is plain.</summary>
    public Tensor? Gamma { get; init; }

    /// <summary>Whether maps of the evidence against are requested.</summary>
    public bool Signed { get; init; }

    /// <summary>Maximum bytes that a forward pass with explicit attention matrices keeps. Default 1 GiB.</summary>
    public long PartBytes { get; init; } = 1L << 30;

    /// <summary>Returns the most probable other class of every target, [B, K], int64.</summary>
    public Tensor BestOther()
    {
        using var scope = NewDisposeScope();
        using Scalar never = double.NegativeInfinity;
        var target = Target.unsqueeze(2); // [B, K, 1]
        var logits = Pass.Logits.unsqueeze(1).expand(-1, Target.shape[1], -1); // [B, K, classes]
        return logits.scatter(2, target, full_like(target, never, dtype: float32)).argmax(2).MoveToOuterDisposeScope();
    }

    /// <summary>Calls a method that explains one class per image, once for each target.</summary>
    /// <param name="maps">Computes maps [B, rows, columns] from a target's classes, contrast classes and weights, each [B, 1].</param>
    /// <returns>[B, K, rows, columns]</returns>
    public Tensor PerTarget(Func<Tensor, Tensor?, Tensor?, Tensor> maps)
    {
        using var scope = NewDisposeScope();
        var columns = Enumerable
            .Range(0, (int)Target.shape[1])
            .Select(k => maps(Target.narrow(1, k, 1), Against?.narrow(1, k, 1), Gamma?.narrow(1, k, 1)))
            .ToList();
        return stack(columns, 1).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Calls a method with explicit attention matrices on parts of the batch, so that it keeps at most <see cref="PartBytes"/>.
    /// </summary>
    /// <param name="maps">Computes maps [b, K, rows, columns] from a part. The part's <see cref="Pass"/> is still the whole
    /// batch's.</param>
    /// <returns>[B, K, rows, columns]</returns>
    public Tensor InParts(Func<AttributionBatch, Tensor> maps)
    {
        var images = Input.shape[0];
        var size = Math.Clamp(PartBytes / ExplicitBytes(Model), 1, images);
        if (size == images)
            return maps(this);
        using var scope = NewDisposeScope();
        var parts = new List<Tensor>();
        for (long from = 0; from < images; from += size)
            parts.Add(maps(Part(from, Math.Min(size, images - from))));
        return cat(parts).MoveToOuterDisposeScope();
    }

    private AttributionBatch Part(long from, long count) =>
        this with
        {
            Input = Input.narrow(0, from, count),
            Target = Target.narrow(0, from, count),
            Against = Against?.narrow(0, from, count),
            Gamma = Gamma?.narrow(0, from, count),
        };

    /// <summary>
    /// Returns the bytes that one image keeps in a differentiable pass: attention matrices, their gradients and activations.
    /// </summary>
    private static long ExplicitBytes(VisionTransformer model)
    {
        var (config, tokens) = (model.Config, (long)model.Config.Tokens);
        var attention = 4 * config.Heads * tokens * tokens;
        var activations = tokens * ((12L * config.Width) + (3L * config.MlpWidth));
        return config.Depth * (attention + activations) * sizeof(float);
    }

    /// <summary>Converts maps [B, rows, columns] to one heatmap per image.</summary>
    public static IReadOnlyList<Heatmap> Heatmaps(Tensor maps)
    {
        var (rows, columns) = ((int)maps.shape[1], (int)maps.shape[2]);
        var values = maps.to(float32).contiguous().cpu().data<float>().ToArray();
        return [.. values.Chunk(rows * columns).Select(map => new Heatmap(rows, columns, map))];
    }
}
