using AgCam.Models;
using static TorchSharp.torch;

namespace AgCam.Attribution;

/// <summary>
/// Generic attention relevance (Chefer, Gur and Wolf, ICCV 2021): R = I, then R += mean_h((dY/dA * A)+) R per block, with the full
/// gradient;
/// the class token's row. It needs autograd and N x N maps.
/// </summary>
internal static class GenericAttention
{
    /// <param name="input">Normalised pixels, [B, 3, H, W].</param>
    /// <param name="target">Class indices, [B], int64.</param>
    /// <returns>[B, rows, columns], float32.</returns>
    public static Tensor Maps(VisionTransformer model, Tensor input, Tensor target)
    {
        using var grad = enable_grad();
        using var scope = NewDisposeScope();
        var (logits, attentions) = model.ForwardExplicit(input, detach: false);
        var weights = attentions.Select(a => a.Weights).ToArray();
        var gradients = autograd.grad([logits.gather(1, target.unsqueeze(1)).sum()], weights);

        using var noGrad = no_grad();
        var relevance = eye(model.Config.Tokens, dtype: float32, device: model.Device).expand(input.shape[0], -1, -1); // [B, N, N]
        foreach (var (a, gradient) in weights.Zip(gradients))
            relevance = relevance.Plus((gradient * a).relu().mean([1]).to(float32).matmul(relevance));
        return ClassRow.OnGrid(relevance, model.Config).MoveToOuterDisposeScope();
    }
}
