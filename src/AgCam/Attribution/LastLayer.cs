using AgCam.Models;
using static TorchSharp.torch;

namespace AgCam.Attribution;

/// <summary>
/// Attention times its gradient in the last block: mean_h(A (dY/dA)+) of the class token's row. Only the skip path and the MLP follow that
/// attention, so the closed form gives the full gradient.
/// </summary>
internal static class LastLayer
{
    public static AttributionMethod Method { get; } =
        new(
            "last-layer",
            version: 1,
            "The last block's attention times its gradient.",
            batch => batch.PerTarget((target, against, gamma) => Maps(batch.Model, batch.Pass, target, against, gamma))
        )
        {
            Heads = Heads.Both,
        };

    /// <summary>Computes the maps of one target per image.</summary>
    /// <param name="target">Class indices, [B, 1], int64.</param>
    /// <param name="against">Class indices to contrast with, [B, 1], int64; null when every target is plain.</param>
    /// <param name="gamma">Weight of the class against, [B, 1], float32.</param>
    /// <returns>[B, rows, columns], float32.</returns>
    public static Tensor Maps(VisionTransformer model, ForwardPass pass, Tensor target, Tensor? against = null, Tensor? gamma = null)
    {
        using var scope = NewDisposeScope();
        var (config, block, trace) = (model.Config, model.Blocks[^1], pass.Blocks[^1]);
        var g = block.ThroughMlp(model.Seed(pass.Final, target, against, gamma), trace); // dY/dx', [B, T, 1, C]
        var weights = ClassRow.Patches(trace.Scores.to(float32).softmax(-1), config); // A, [B, H, T, patches]
        var alpha = ClassRow.Gradient(model, block, trace, g).squeeze(3); // dY/dA, [B, H, T, patches]
        return (weights * alpha.relu()).sum(2).mean([1]).view(-1, config.GridRows, config.GridColumns).MoveToOuterDisposeScope();
    }
}
