namespace AgCam.Heatmaps;

/// <summary>
/// A two-dimensional map of attribution values, row-major: on the model's patch grid, or upsampled to pixels. Operations return a new map:
/// <c>heatmap.Upsample(224, 224).Normalize().Boxes(0.5)</c>.
/// </summary>
public sealed class Heatmap
{
    private readonly Lazy<(float Min, float Max, double Sum, bool Finite)> _range;

    /// <param name="values">rows x columns values, taken over without a copy; not to be changed afterwards.</param>
    /// <exception cref="ArgumentException">The sizes do not fit the values.</exception>
    public Heatmap(int rows, int columns, float[] values)
    {
        if (rows < 1 || columns < 1 || values.LongLength != (long)rows * columns)
            throw new ArgumentException(
                $"A heatmap of {rows} x {columns} needs {(long)rows * columns} values, not {values.LongLength}.",
                nameof(values)
            );
        Rows = rows;
        Columns = columns;
        Values = values;
        _range = new(MeasureRange);
    }

    public int Rows { get; }

    public int Columns { get; }

    /// <summary>[Rows, Columns]</summary>
    public float[] Values { get; }

    public float this[int row, int column] => Values[row * Columns + column];

    public float Min => _range.Value.Min;

    public float Max => _range.Value.Max;

    public double Sum => _range.Value.Sum;

    /// <summary>Why this map shows nothing, one of <see cref="HeatmapReason"/>; null for a map that can be normalised.</summary>
    public string? Reason =>
        !_range.Value.Finite ? HeatmapReason.NotFinite
        : Max == Min ? HeatmapReason.Flat
        : null;

    /// <summary>
    /// True when no place stands out: one value everywhere, or a value that is not finite. <see cref="Reason"/> says which.
    /// </summary>
    public bool IsFlat => Reason is not null;

    /// <summary>Bilinear, corners not aligned: torch's <c>interpolate(mode="bilinear", align_corners=False)</c> in float32.</summary>
    /// <returns>[rows, columns]</returns>
    public Heatmap Upsample(int rows, int columns) => new(rows, columns, BilinearResampling.Resample(this, rows, columns));

    /// <summary>(value - min) / (max - min), so that the values span [0, 1]. A flat map becomes zero everywhere, never NaN.</summary>
    public Heatmap Normalize()
    {
        var normalized = new float[Values.Length];
        if (!IsFlat)
        {
            var (min, range) = (Min, Max - Min);
            if (float.IsInfinity(range)) // values of both signs near the end of float32
                for (var i = 0; i < normalized.Length; i++)
                    normalized[i] = (float)(((double)Values[i] - min) / ((double)Max - min));
            else
                for (var i = 0; i < normalized.Length; i++)
                    normalized[i] = (Values[i] - min) / range;
        }
        return new Heatmap(Rows, Columns, normalized);
    }

    /// <summary>
    /// Evidence in favour minus evidence against, divided by the largest magnitude: values in [-1, 1], zero stays zero. Zero everywhere
    /// where
    /// nothing speaks for or against, or a value is not finite.
    /// </summary>
    /// <param name="against">Of the same size, its values not negative.</param>
    public Heatmap Minus(Heatmap against)
    {
        if ((Rows, Columns) != (against.Rows, against.Columns))
            throw new ArgumentException(
                $"Maps of {Rows} x {Columns} and {against.Rows} x {against.Columns} cannot be subtracted.",
                nameof(against)
            );
        var difference = Values.Zip(against.Values, (a, b) => a - b).ToArray();
        var finite = difference.All(float.IsFinite);
        var maximum = difference.Max(Math.Abs);
        return new Heatmap(Rows, Columns, Array.ConvertAll(difference, value => finite && maximum > 0 ? value / maximum : 0));
    }

    /// <summary>
    /// One bounding rectangle for every external 8-connected component of the pixels that are strictly above the threshold, in this
    /// map's own
    /// pixels. A component inside a hole of another gives none. A flat map gives none.
    /// </summary>
    /// <param name="threshold">On this map's own scale: call it on a normalised map for the usual [0, 1]. Compared in float32.</param>
    /// <returns>
    /// Largest score first, ties in reading order. The score is the sum of the values of the component's pixels (holes do not count)
    /// divided by
    /// the sum over all pixels of this map; negative values count as zero in both.
    /// </returns>
    public IReadOnlyList<BoundingBox> Boxes(double threshold = 0.5, BoxSelection selection = BoxSelection.All)
    {
        if (IsFlat)
            return [];
        var components = ExternalComponents.Find(Values, Rows, Columns, (float)threshold);
        var mass = 0.0;
        foreach (var value in Values)
            mass += Math.Max(value, 0f);
        var boxes = components
            .Select(c => new BoundingBox(c.X, c.Y, c.Width, c.Height, mass > 0 ? Math.Min(1, c.Mass / mass) : 0))
            .OrderByDescending(box => box.Score); // stable: components come in reading order
        return selection == BoxSelection.Largest ? [.. boxes.Take(1)] : [.. boxes];
    }

    /// <summary>
    /// The boxes of a raw map on the grid: upsampled to the model's input size, normalised, cut at the threshold. In input pixels.
    /// </summary>
    public IReadOnlyList<BoundingBox> Boxes(
        int inputWidth,
        int inputHeight,
        double threshold = 0.5,
        BoxSelection selection = BoxSelection.All
    ) => IsFlat ? [] : Upsample(inputHeight, inputWidth).Normalize().Boxes(threshold, selection);

    private (float, float, double, bool) MeasureRange()
    {
        var (min, max, sum, finite) = (float.PositiveInfinity, float.NegativeInfinity, 0.0, true);
        foreach (var value in Values)
        {
            finite &= float.IsFinite(value);
            min = Math.Min(min, value);
            max = Math.Max(max, value);
            sum += value;
        }
        return (min, max, sum, finite);
    }
}

/// <summary>Why a heatmap shows nothing. The codes are stored: never rename one.</summary>
public static class HeatmapReason
{
    /// <summary>Every value is the same.</summary>
    public const string Flat = "flat-heatmap";

    /// <summary>Some value is NaN or infinite.</summary>
    public const string NotFinite = "non-finite-heatmap";
}

/// <summary>Which of a heatmap's boxes are wanted.</summary>
public enum BoxSelection
{
    All,

    /// <summary>Only the box with the largest share of the map's mass.</summary>
    Largest,
}
