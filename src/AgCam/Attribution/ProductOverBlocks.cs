using AgCam.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace AgCam.Attribution;

/// <summary>
/// AG-CAM as a product over blocks: each block's map sum_h sigmoid(S) (dY/dA)+ is scaled to [0, 1], and the maps are multiplied. A block
/// with a flat map is skipped.
/// </summary>
internal static class ProductOverBlocks
{
    public static AttributionMethod Method { get; } =
        new(
            "agcam-product",
            version: 1,
            "AG-CAM's map of each block, scaled to [0, 1], multiplied over the blocks.",
            batch => batch.PerTarget((target, against, gamma) => Maps(batch.Model, batch.Pass, target, against, gamma))
        );

    /// <summary>Computes the maps of one target per image.</summary>
    /// <param name="target">Class indices, [B, 1], int64.</param>
    /// <param name="against">Class indices to contrast with, [B, 1], int64; null when every target is plain.</param>
    /// <param name="gamma">Weight of the class against, [B, 1], float32.</param>
    /// <returns>[B, rows, columns], float32, in [0, 1].</returns>
    public static Tensor Maps(VisionTransformer model, ForwardPass pass, Tensor target, Tensor? against = null, Tensor? gamma = null)
    {
        using var scope = NewDisposeScope();
        var config = model.Config;
        var product = ones([target.shape[0], config.GridRows * config.GridColumns], float32, model.Device); // [B, patches]
        using Scalar tiny = 1e-37;
        var g = model.Seed(pass.Final, target, against, gamma); // [B, T, 1, C]
        for (var k = model.Blocks.Count - 1; k >= 0; k--)
        {
            using var step = NewDisposeScope();
            var (block, trace) = (model.Blocks[k], pass.Blocks[k]);
            g = block.ThroughMlp(g, trace).MoveToOuterDisposeScope(); // dY/dx', [B, T, 1, C]
            var gates = ClassRow.Patches(trace.Scores, config).to(float32).sigmoid(); // [B, H, T, patches]
            var map = (gates * ClassRow.Gradient(model, block, trace, g).squeeze(3).relu()).sum([1, 2]); // [B, patches]
            var minimum = map.amin([1], keepdim: true); // [B, 1]
            var maximum = map.amax([1], keepdim: true);
            var range = maximum - minimum;
            product.mul_(where(range.gt(zeros_like(range)), (map - minimum) / range.clamp_min(tiny), ones_like(map)));
        }

        return product.view(-1, config.GridRows, config.GridColumns).MoveToOuterDisposeScope();
    }
}
