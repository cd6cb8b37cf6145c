namespace AgCam.Heatmaps;

/// <summary>A two-dimensional map of attribution values, row-major: on the model's patch grid, or upsampled to pixels.</summary>
public sealed class Heatmap
{
    /// <exception cref="ArgumentException">The sizes do not fit the values.</exception>
    public Heatmap(int rows, int columns, float[] values)
    {
        if (rows < 1 || columns < 1 || values.LongLength != (long)rows * columns)
            throw new ArgumentException($"A heatmap of {rows} x {columns} needs {(long)rows * columns} values, not {values.LongLength}.", nameof(values));
        Rows = rows;
        Columns = columns;
        Values = values;
    }

    public int Rows { get; }

    public int Columns { get; }

    /// <summary>[Rows, Columns]</summary>
    public float[] Values { get; }
}
