using AgCam.Models;
using static TorchSharp.torch;

namespace AgCam.Attribution;

/// <summary>
/// LeGrad (Bousselham et al. 2024), class-token form. Every block's class token goes through the model's final norm and head, as if the
/// block were the last. The map is mean_h((ds/dA)+) of the block's class row, averaged over the blocks. Each gradient stays in its block,
/// so it has a closed form.
/// </summary>
internal static class LeGrad
{
    public static AttributionMethod Method { get; } =
        new(
            "legrad",
            version: 1,
            "LeGrad (Bousselham et al. 2024), class-token form: the gradient of each block's own prediction.",
            batch => batch.PerTarget((target, against, gamma) => Maps(batch.Model, batch.Pass, target, against, gamma))
        );

    /// <summary>Computes the maps of one target per image.</summary>
    /// <param name="target">Class indices, [B, 1], int64.</param>
    /// <param name="against">Class indices to contrast with, [B, 1], int64; null when every target is plain.</param>
    /// <param name="gamma">Weight of the class against, [B, 1], float32.</param>
    /// <returns>[B, rows, columns], float32.</returns>
    public static Tensor Maps(VisionTransformer model, ForwardPass pass, Tensor target, Tensor? against = null, Tensor? gamma = null)
    {
        using var scope = NewDisposeScope();
        var config = model.Config;
        var map = zeros([target.shape[0], config.GridRows * config.GridColumns], float32, model.Device); // [B, patches]
        foreach (var (block, trace) in model.Blocks.Zip(pass.Blocks))
        {
            using var step = NewDisposeScope();
            var seed = model.Seed(Output(block, trace), target, against, gamma); // [B, T, 1, C]
            var alpha = ClassRow.Gradient(model, block, trace, block.ThroughMlp(seed, trace)).squeeze(3); // ds/dA, [B, H, T, patches]
            map.PlusInPlace(alpha.relu().sum(2).mean([1]));
        }

        return map.OverInPlace(model.Blocks.Count).view(-1, config.GridRows, config.GridColumns).MoveToOuterDisposeScope();
    }

    /// <summary>Returns x'' = x' + ls2 MLP(norm2(x')) of the head tokens, [B, T, C].</summary>
    private static Tensor Output(Block block, BlockTrace trace)
    {
        var branch = block.fc2.Forward(block.Config.Activation.Forward(trace.Hidden));
        return trace.Mid.Plus(block.ls2 is null ? branch : branch * block.ls2);
    }
}
