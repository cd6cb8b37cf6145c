namespace AgCam.Heatmaps;

/// <summary>
/// Two-dimensional map of attribution values, row-major, on the model's patch grid or upsampled to pixels. Operations return a new map:
/// <c>heatmap.Upsample(224, 224).Normalize().Boxes(0.5)</c>.
/// </summary>
public sealed class Heatmap
{
    private readonly Lazy<(float Min, float Max, double Sum, bool Finite)> _range;

    /// <param name="values">rows x columns values, used without a copy. Do not change them afterwards.</param>
    /// <exception cref="ArgumentException">The sizes do not match the number of values.</exception>
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

    /// <summary>Reason why the map cannot be normalised, one of <see cref="HeatmapReason"/>; null when it can.</summary>
    public string? Reason =>
        !_range.Value.Finite ? HeatmapReason.NotFinite
        : Max == Min ? HeatmapReason.Flat
        : null;

    /// <summary>True when all values are equal, or a value is not finite. <see cref="Reason"/> says which.</summary>
    public bool IsFlat => Reason is not null;

    /// <summary>Upsamples bilinearly as torch's <c>interpolate(mode="bilinear", align_corners=False)</c> in float32.</summary>
    /// <returns>[rows, columns]</returns>
    public Heatmap Upsample(int rows, int columns) => new(rows, columns, BilinearResampling.Resample(this, rows, columns));

    /// <summary>Returns (value - min) / (max - min), in [0, 1]. A flat map becomes zero everywhere, never NaN.</summary>
    public Heatmap Normalize()
    {
        var normalized = new float[Values.Length];
        if (!IsFlat)
        {
            var (min, range) = (Min, Max - Min);
            if (float.IsInfinity(range)) // values of both signs near the limits of float32
                for (var i = 0; i < normalized.Length; i++)
                    normalized[i] = (float)(((double)Values[i] - min) / ((double)Max - min));
            else
                for (var i = 0; i < normalized.Length; i++)
                    normalized[i] = (Values[i] - min) / range;
        }
        return new Heatmap(Rows, Columns, normalized);
    }

    /// <summary>
    /// Returns this map minus the other, divided by the largest magnitude: values in [-1, 1] that keep zero at zero. Returns zeros where
    /// the maps are equal or a value is not finite.
    /// </summary>
    /// <param name="against">A map of the same size without negative values.</param>
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
    /// Returns one bounding rectangle per external 8-connected component of the pixels strictly above the threshold, in map pixels. A
    /// component inside a hole of another gives none. A flat map gives none.
    /// </summary>
    /// <param name="threshold">On this map's scale: [0, 1] for a normalised map. Compared in float32.</param>
    /// <returns>Boxes by falling score, ties in reading order. The score is the component's sum of values, without holes, over the sum of
    /// the map. Negative values count as zero in both.</returns>
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
            .OrderByDescending(box => box.Score); // stable: components are in reading order
        return selection == BoxSelection.Largest ? [.. boxes.Take(1)] : [.. boxes];
    }

    /// <summary>
    /// Returns the boxes of a raw map in input pixels. The map is upsampled to the model's input size and normalised before the threshold.
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

/// <summary>Codes for maps that cannot be normalised. The codes are stored: never rename one.</summary>
public static class HeatmapReason
{
    /// <summary>All values are equal.</summary>
    public const string Flat = "flat-heatmap";

    /// <summary>A value is NaN or infinite.</summary>
    public const string NotFinite = "non-finite-heatmap";
}

/// <summary>Selects which of a heatmap's boxes are returned.</summary>
public enum BoxSelection
{
    All,

    /// <summary>Only the box with the largest share of the map's mass.</summary>
    Largest,
}
