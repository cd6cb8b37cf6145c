using AgCam.Models;
using static TorchSharp.torch;

namespace AgCam.Attribution;

internal static class ClassRow
{
    /// <summary>[B, N, N] -> the class token's row without the prefix tokens, [B, rows, columns].</summary>
    public static Tensor OnGrid(Tensor relevance, ViTConfig config) =>
        relevance.select(1, 0).narrow(1, config.PrefixTokens, config.GridRows * config.GridColumns).reshape(-1, config.GridRows, config.GridColumns);
}
