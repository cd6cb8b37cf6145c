using AgCam.Models;
using static TorchSharp.torch;

namespace AgCam.Attribution;

/// <summary>
/// The head tokens' rows of the attention: what the classifier can see of the patches. That is the class token's row, or all rows of
/// patches that are averaged.
/// </summary>
internal static class ClassRow
{
    /// <summary>
    /// [B, N, N] -> the class token's row (the mean of the rows, where patches are averaged) without the prefix tokens, [B, rows,
    /// columns].
    /// </summary>
    public static Tensor OnGrid(Tensor relevance, ViTConfig config) =>
        (
            config.Pooling == HeadPooling.Token
                ? relevance.select(1, 0)
                : relevance.narrow(1, config.HeadTokens.First, config.HeadTokens.Count).mean([1])
        )
            .narrow(1, config.PrefixTokens, config.GridRows * config.GridColumns)
            .reshape(-1, config.GridRows, config.GridColumns);

    /// <summary>Rows of scores or weights without the prefix tokens: [B, H, T, N] -> [B, H, T, patches].</summary>
    public static Tensor Patches(Tensor rows, ViTConfig config) =>
        rows.narrow(3, config.PrefixTokens, config.GridRows * config.GridColumns);

    /// <summary>
    /// dY/dA of the head tokens' rows, from the gradient at x' of their tokens: the inner products of u with every patch's value.
    /// </summary>
    /// <param name="g">dY/dx', [B, T, K, C].</param>
    /// <returns>[B, H, T, K, patches], float32.</returns>
    public static Tensor Gradient(VisionTransformer model, Block block, BlockTrace trace, Tensor g)
    {
        using var scope = NewDisposeScope();
        var config = model.Config;
        var patches = config.GridRows * config.GridColumns;
        var values = trace.Values.narrow(2, config.PrefixTokens, patches); // [B, H, patches, d]
        return block
            .HeadGradients(g)
            .to(values.dtype)
            .matmul(values.transpose(-2, -1))
            .to(float32) // [B, H, T K, patches]
            .view(g.shape[0], config.Heads, g.shape[1], g.shape[2], patches)
            .MoveToOuterDisposeScope();
    }
}
