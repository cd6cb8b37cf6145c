using AgCam.Heatmaps;
using AgCam.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace AgCam.Attribution;

/// <summary>
/// What a method may look at: a batch of pictures, one forward pass over them that all methods share, and the class to explain for
/// each.
/// </summary>
/// <param name="Input">Normalised pixels, [B, 3, H, W]; no inference tensor, so that autograd may use it.</param>
/// <param name="Pass">The model's forward pass over the input.</param>
/// <param name="Target">Class indices, [B], int64.</param>
/// <param name="Keys">Names of the pictures, the same in every shard.</param>
internal sealed record AttributionBatch(VisionTransformer Model, Tensor Input, ForwardPass Pass, Tensor Target, IReadOnlyList<string> Keys)
{
    /// <summary>For every image the most probable class besides the target, [B], int64.</summary>
    public Tensor BestOther()
    {
        using Scalar never = double.NegativeInfinity;
        return Pass.Logits.scatter(1, Target.unsqueeze(1), full_like(Target.unsqueeze(1), never, dtype: float32)).argmax(1);
    }

    /// <summary>[B, rows, columns] -> a heatmap for each image.</summary>
    public static IReadOnlyList<Heatmap> Heatmaps(Tensor maps)
    {
        var (rows, columns) = ((int)maps.shape[1], (int)maps.shape[2]);
        var values = maps.to(float32).contiguous().cpu().data<float>().ToArray();
        return [.. values.Chunk(rows * columns).Select(map => new Heatmap(rows, columns, map))];
    }
}
