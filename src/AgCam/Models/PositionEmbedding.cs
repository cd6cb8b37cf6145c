using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace AgCam.Models;

/// <summary>Position embeddings of the patches, fitted to another grid the way the model's own library does it.</summary>
internal static class PositionEmbedding
{
    /// <param name="positions">[1, n, C], n patches of the stored grid, prefix tokens excluded.</param>
    /// <param name="stored">The checkpoint's own grid: rows and columns of patches.</param>
    /// <param name="wanted">The grid of the asked input size.</param>
    /// <returns>[1, wanted rows x columns, C]; the same tensor when the grids are equal.</returns>
    /// <exception cref="ModelException">There are not as many positions as the stored grid has patches.</exception>
    public static Tensor Resize(Tensor positions, (int Rows, int Columns) stored, (int Rows, int Columns) wanted, PositionResizing how)
    {
        var (n, c) = (positions.shape[1], positions.shape[2]);
        if (n != (long)stored.Rows * stored.Columns)
            throw new ModelException(
                ModelFailure.BadConfiguration,
                $"The model has {n} position embeddings, but its configuration says {stored.Rows} x {stored.Columns} patches. "
                    + $"Correct the input size or patch size in its config.json."
            );
        if (stored == wanted)
            return positions;

        using var scope = NewDisposeScope();
        var grid = positions.view(1, stored.Rows, stored.Columns, c).permute(0, 3, 1, 2); // [1, C, rows, columns]
        var resized = F.interpolate(
            grid,
            [wanted.Rows, wanted.Columns],
            mode: InterpolationMode.Bicubic,
            align_corners: how == PositionResizing.Torchvision,
            antialias: how == PositionResizing.Timm
        );
        return resized.permute(0, 2, 3, 1).reshape(1, -1, c).MoveToOuterDisposeScope();
    }
}
