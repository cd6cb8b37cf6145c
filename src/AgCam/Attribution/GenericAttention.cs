using AgCam.Models;
using static TorchSharp.torch;

namespace AgCam.Attribution;

/// <summary>
/// Generic attention relevance (Chefer, Gur and Wolf, ICCV 2021): R = I, then R += mean_h((dY/dA * A)+) R per block, with the full
/// gradient; the class token's row. Needs autograd and N x N matrices.
/// </summary>
internal static class GenericAttention
{
    public static AttributionMethod Method { get; } =
        new(
            "generic",
            version: 1,
            "Generic attention relevance (Chefer, Gur and Wolf, ICCV 2021), with the full gradient.",
            batch => batch.InParts(part => Maps(part.Model, part.Input, part.Target, part.Against, part.Gamma))
        )
        {
            Heads = Heads.Both,
            IsClosedForm = false,
        };

    /// <summary>Computes the maps of all targets.</summary>
    /// <param name="input">Normalised pixels, [B, 3, H, W].</param>
    /// <param name="target">Class indices, [B, K], int64.</param>
    /// <param name="against">Class indices to contrast with, [B, K], int64; null when every target is plain.</param>
    /// <param name="gamma">Weight of the class against, [B, K], float32.</param>
    /// <returns>[B, K, rows, columns], float32.</returns>
    public static Tensor Maps(VisionTransformer model, Tensor input, Tensor target, Tensor? against = null, Tensor? gamma = null)
    {
        using var grad = enable_grad();
        using var scope = NewDisposeScope();
        var (logits, attentions) = model.ForwardExplicit(input, detach: false);
        var weights = attentions.Select(a => a.Weights).ToArray(); // A of each block, [B, H, N, N]
        var score = logits.gather(1, target); // [B, K]
        if (against is not null && gamma is not null)
            score = score - gamma * logits.gather(1, against);
        var count = (int)target.shape[1];
        var maps = Enumerable.Range(0, count).Select(k => Map(model, weights, score.select(1, k).sum(), keepGraph: k < count - 1));
        return stack(maps, 1).MoveToOuterDisposeScope();
    }

    private static Tensor Map(VisionTransformer model, Tensor[] weights, Tensor score, bool keepGraph)
    {
        using var scope = NewDisposeScope();
        var gradients = autograd.grad([score], weights, retain_graph: keepGraph);

        using var noGrad = no_grad();
        var relevance = eye(model.Config.Tokens, dtype: float32, device: model.Device).expand(weights[0].shape[0], -1, -1); // [B, N, N]
        foreach (var (a, gradient) in weights.Zip(gradients))
            relevance = relevance.Plus((gradient * a).relu().mean([1]).to(float32).matmul(relevance)); // R += mean_h((dY/dA * A)+) R
        return ClassRow.OnGrid(relevance, model.Config).MoveToOuterDisposeScope();
    }
}
