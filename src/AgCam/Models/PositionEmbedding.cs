using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace AgCam.Models;

/// <summary>Position embeddings of the patches, fitted to another grid the way the model's own library does it.</summary>
internal static class PositionEmbedding
{
    /// <param name="positions">[1, n, C], n patches of a square grid, prefix tokens excluded.</param>
    /// <returns>[1, rows columns, C]; the same tensor when the grid already fits.</returns>
    /// <exception cref="ModelShapeException">n is not a square, and not the asked grid either.</exception>
    public static Tensor Resize(Tensor positions, int rows, int columns, PositionResizing how)
    {
        var (n, c) = (positions.shape[1], positions.shape[2]);
        if (n == (long)rows * columns)
            return positions;
        var side = (long)Math.Round(Math.Sqrt(n));
        if (side * side != n)
            throw new ModelShapeException($"The model has {n} position embeddings, which is not a square grid: it cannot be resized to {rows} x {columns} patches. Use the input size it was trained with.");

        using var scope = NewDisposeScope();
        var grid = positions.view(1, side, side, c).permute(0, 3, 1, 2); // [1, C, side, side]
        var resized = F.interpolate(grid, [rows, columns], mode: InterpolationMode.Bicubic,
            align_corners: how == PositionResizing.Torchvision, antialias: how == PositionResizing.Timm);
        return resized.permute(0, 2, 3, 1).reshape(1, -1, c).MoveToOuterDisposeScope();
    }
}

/// <summary>A model cannot be used at the asked shape. The operator must act; the message says how.</summary>
public sealed class ModelShapeException(string message) : Exception(message);
