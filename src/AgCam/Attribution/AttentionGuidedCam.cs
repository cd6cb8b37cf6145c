using AgCam.Models;
using static TorchSharp.torch;

namespace AgCam.Attribution;

/// <summary>
/// Attention Guided CAM (Leem and Seo, AAAI 2024, arXiv 2402.04563) in closed form, without autograd. The method cuts the gradient at the
/// input of every attention. So only the head tokens have a gradient, and it reaches a lower block only through the skip path and the MLP.
/// Shapes: B images, K targets, T head tokens, H heads, N tokens, C channels, d = C / H.
/// </summary>
internal static class AttentionGuidedCam
{
    /// <summary>
    /// Version of the algorithm, a part of every explanation's identity. Raise it when a change of this code changes numbers.
    /// </summary>
    public const int Version = 1;

    public static AttributionMethod Method { get; } =
        new(
            AttributionMethod.Paper,
            Version,
            "Attention Guided CAM: sum over blocks and heads of sigmoid(S) (dY/dA)+, gradients cut at every attention's input.",
            batch => Maps(batch.Model, batch.Pass, batch.Target, batch.Against, batch.Gamma, batch.Signed)
        )
        {
            HasNegative = true,
        };

    /// <summary>
    /// Computes M[j] = sum over blocks and heads of sigmoid(S[cls, j]) relu(dY/dA[cls, j]) over the patches j, for every image and target.
    /// </summary>
    /// <param name="pass">Forward pass of the model over B images.</param>
    /// <param name="target">Class indices, [B, K], int64.</param>
    /// <param name="against">Class indices to contrast with, [B, K], int64; null when every target is plain.</param>
    /// <param name="gamma">Weight of the class against, [B, K], float32; 0 where a target is plain.</param>
    /// <param name="signed">Whether to compute the evidence against too: the same sum with relu(-dY/dA).</param>
    /// <returns>Positive and, if requested, negative maps, [B, K, rows, columns], float32.</returns>
    public static (Tensor Positive, Tensor? Negative) Maps(
        VisionTransformer model,
        ForwardPass pass,
        Tensor target,
        Tensor? against = null,
        Tensor? gamma = null,
        bool signed = false
    )
    {
        using var scope = NewDisposeScope();
        var config = model.Config;
        var patches = config.GridRows * config.GridColumns;
        Tensor positive = zeros([target.shape[0], target.shape[1], patches], float32, model.Device); // [B, K, patches]
        Tensor? negative = signed ? zeros_like(positive) : null;

        var g = model.Seed(pass.Final, target, against, gamma); // dY/dx'' of the last block, [B, T, K, C]
        for (var k = model.Blocks.Count - 1; k >= 0; k--)
        {
            using var step = NewDisposeScope();
            var (block, trace) = (model.Blocks[k], pass.Blocks[k]);
            g = block.ThroughMlp(g, trace).MoveToOuterDisposeScope(); // dY/dx' = dY/dx'' of the block below, [B, T, K, C]
            var gates = ClassRow.Patches(trace.Scores, config).to(float32).sigmoid().unsqueeze(3); // sigmoid(S), [B, H, T, 1, patches]
            var alpha = ClassRow.Gradient(model, block, trace, g); // dY/dA, [B, H, T, K, patches]
            positive.PlusInPlace((gates * alpha.relu()).sum([1, 2])); // [B, K, patches]
            negative?.PlusInPlace((gates * alpha.neg().relu()).sum([1, 2]));
        }

        Tensor OnGrid(Tensor map) =>
            map.view(target.shape[0], target.shape[1], config.GridRows, config.GridColumns).MoveToOuterDisposeScope();
        return (OnGrid(positive), negative is null ? null : OnGrid(negative));
    }
}
