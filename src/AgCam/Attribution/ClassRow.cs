using AgCam.Models;
using static TorchSharp.torch;

namespace AgCam.Attribution;

/// <summary>
/// Rows of the attention at the head tokens, the tokens that the classifier reads: the class token, or all patches when they are averaged.
/// </summary>
internal static class ClassRow
{
    /// <summary>
    /// Returns the class token's row of [B, N, N] (the mean of the rows when patches are averaged), without prefix tokens: [B, rows,
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

    /// <summary>Removes the prefix tokens from rows of scores or weights: [B, H, T, N] to [B, H, T, patches].</summary>
    public static Tensor Patches(Tensor rows, ViTConfig config) =>
        rows.narrow(3, config.PrefixTokens, config.GridRows * config.GridColumns);

    /// <summary>
    /// Computes dY/dA of the head tokens' rows from the gradient at x'. It is the inner product of u = Wo^T(ls1 g), per head, with every
    /// patch's value: alpha[h, j] = &lt;u_h, V[h, j]&gt;.
    /// </summary>
    /// <param name="g">dY/dx', [B, T, K, C].</param>
    /// <returns>[B, H, T, K, patches], float32.</returns>
    public static Tensor Gradient(VisionTransformer model, Block block, BlockTrace trace, Tensor g)
    {
        using var scope = NewDisposeScope();
        var config = model.Config;
        var patches = config.GridRows * config.GridColumns;
        var values = trace.Values.narrow(2, config.PrefixTokens, patches); // V, [B, H, patches, d]
        return block
            .HeadGradients(g) // u, [B, H, T K, d]
            .to(values.dtype)
            .matmul(values.transpose(-2, -1))
            .to(float32) // [B, H, T K, patches]
            .view(g.shape[0], config.Heads, g.shape[1], g.shape[2], patches)
            .MoveToOuterDisposeScope();
    }
}
