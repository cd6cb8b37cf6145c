using AgCam.Models;
using static TorchSharp.torch;

namespace AgCam.Attribution;

/// <summary>
/// Gradient times attention in the last block alone: mean_h(A (dY/dA)+) of the class token's row. Above that attention lie only the skip
/// path and the MLP, so the closed form gives the full gradient.
/// </summary>
internal static class LastLayer
{
    /// <param name="target">Class indices, [B], int64.</param>
    /// <returns>[B, rows, columns], float32.</returns>
    public static Tensor Maps(VisionTransformer model, ForwardPass pass, Tensor target)
    {
        using var scope = NewDisposeScope();
        var (config, block, trace) = (model.Config, model.Blocks[^1], pass.Blocks[^1]);
        var g = block.ThroughMlp(model.Seed(pass.Final, target.unsqueeze(1), null, null), trace); // [B, T, 1, C]
        var weights = ClassRow.Patches(trace.Scores.to(float32).softmax(-1), config); // [B, H, T, patches]
        var alpha = ClassRow.Gradient(model, block, trace, g).squeeze(3); // [B, H, T, patches]
        return (weights * alpha.relu()).sum(2).mean([1]).view(-1, config.GridRows, config.GridColumns).MoveToOuterDisposeScope();
    }
}
