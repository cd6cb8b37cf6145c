using AgCam.Heatmaps;

namespace AgCam.Audit.Comparison;

/// <summary>A heatmap and the rectangle of the original picture that it covers.</summary>
/// <param name="Covers">In pixels of the original. It may exceed the picture where the model pads.</param>
internal readonly record struct PlacedMap(Heatmap Map, BoundingBox Covers)
{
    /// <summary>Samples per side of a patch: bilinear samples alone would skip patches of a finer grid.</summary>
    private const int Samples = 4;

    /// <summary>
    /// Brings two maps of one picture to one grid. Maps of one grid and rectangle stay as they are. Others are sampled on the coarser grid
    /// over the rectangle that both cover.
    /// </summary>
    /// <returns>Null when the rectangles do not overlap.</returns>
    public static AlignedMaps? Align(PlacedMap a, PlacedMap b)
    {
        if ((a.Map.Rows, a.Map.Columns) == (b.Map.Rows, b.Map.Columns) && Equal(a.Covers, b.Covers))
            return new AlignedMaps(a.Map, b.Map, IsResampled: false);
        var (left, top) = (Math.Max(a.Covers.X, b.Covers.X), Math.Max(a.Covers.Y, b.Covers.Y));
        var (right, bottom) = (Math.Min(a.Covers.Right, b.Covers.Right), Math.Min(a.Covers.Bottom, b.Covers.Bottom));
        if (right <= left || bottom <= top)
            return null;
        var shared = new BoundingBox(left, top, right - left, bottom - top);
        var (rows, columns) = (Math.Min(a.Map.Rows, b.Map.Rows), Math.Min(a.Map.Columns, b.Map.Columns));
        return new AlignedMaps(a.Sample(shared, rows, columns), b.Sample(shared, rows, columns), IsResampled: true);
    }

    private Heatmap Sample(BoundingBox area, int rows, int columns)
    {
        var values = new float[rows * columns];
        for (var row = 0; row < rows; row++)
        for (var column = 0; column < columns; column++)
        {
            var sum = 0.0;
            for (var y = 0; y < Samples; y++)
            for (var x = 0; x < Samples; x++)
                sum += At(
                    area.X + area.Width * (column + (x + 0.5) / Samples) / columns,
                    area.Y + area.Height * (row + (y + 0.5) / Samples) / rows
                );
            values[row * columns + column] = (float)(sum / (Samples * Samples));
        }
        return new Heatmap(rows, columns, values);
    }

    /// <summary>Returns the value at a point of the original picture, bilinear between the centres of the patches.</summary>
    private double At(double x, double y)
    {
        var (column, columnShare) = Place((x - Covers.X) / Covers.Width * Map.Columns - 0.5, Map.Columns);
        var (row, rowShare) = Place((y - Covers.Y) / Covers.Height * Map.Rows - 0.5, Map.Rows);
        var (nextRow, nextColumn) = (Math.Min(row + 1, Map.Rows - 1), Math.Min(column + 1, Map.Columns - 1));
        var upper = Map[row, column] + columnShare * (Map[row, nextColumn] - Map[row, column]);
        var lower = Map[nextRow, column] + columnShare * (Map[nextRow, nextColumn] - Map[nextRow, column]);
        return upper + rowShare * (lower - upper);
    }

    private static (int First, double Share) Place(double position, int count)
    {
        position = Math.Clamp(position, 0, count - 1);
        return ((int)position, position - (int)position);
    }

    private static bool Equal(BoundingBox a, BoundingBox b)
    {
        var tolerance = 1e-6 * Math.Max(a.Width, a.Height);
        return Math.Abs(a.X - b.X) <= tolerance
            && Math.Abs(a.Y - b.Y) <= tolerance
            && Math.Abs(a.Right - b.Right) <= tolerance
            && Math.Abs(a.Bottom - b.Bottom) <= tolerance;
    }
}

/// <summary>Two maps of one picture on one grid.</summary>
/// <param name="IsResampled">True when the maps had different grids or rectangles.</param>
internal sealed record AlignedMaps(Heatmap A, Heatmap B, bool IsResampled);
