using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace AgCam.Models;

/// <summary>Resizes the patches' position embeddings to another grid, as the model's own library does.</summary>
internal static class PositionEmbedding
{
    /// <param name="positions">[1, n, C] for the n patches of the stored grid, without prefix tokens.</param>
    /// <param name="stored">Rows and columns of patches in the checkpoint.</param>
    /// <param name="wanted">Rows and columns of patches for the requested input size.</param>
    /// <returns>[1, wanted rows x columns, C]; the same tensor when the grids are equal.</returns>
    /// <exception cref="ModelException">The number of positions differs from the number of patches of the stored grid.</exception>
    public static Tensor Resize(Tensor positions, (int Rows, int Columns) stored, (int Rows, int Columns) wanted, PositionResizing method)
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
            align_corners: method == PositionResizing.Torchvision,
            antialias: method == PositionResizing.Timm
        );
        return resized.permute(0, 2, 3, 1).reshape(1, -1, c).MoveToOuterDisposeScope();
    }
}
