using AgCam.Heatmaps;

namespace AgCam.Audit;

/// <summary>A map as a distribution over patches: non-negative values that sum to 1.</summary>
public sealed class MapShares
{
    private const int CornerSide = 3;

    private readonly double[] _values;

    private MapShares(int rows, int columns, double[] values)
    {
        (Rows, Columns, _values) = (rows, columns, values);
        var maximum = values.Max();
        Peak = Array.IndexOf(values, maximum);
        Border = Mass(IsBorder);
        Corners = Mass(IsCorner);
        Focus = 1 + values.Where(value => value > 0).Sum(value => value * Math.Log(value)) / Math.Log(values.Length);
        HotArea = (double)values.Count(value => value >= maximum / 2) / values.Length;
        Second = SecondRegion(maximum / 2);
    }

    public int Rows { get; }

    public int Columns { get; }

    /// <summary>Shares of the patches, [Rows, Columns], row-major.</summary>
    public IReadOnlyList<double> Values => _values;

    /// <summary>Patch with the largest share; the first of equal ones.</summary>
    public int Peak { get; }

    /// <summary>Whether there are patches inside the outer ring.</summary>
    public bool HasInside => Rows > 2 && Columns > 2;

    /// <summary>Share on the outer ring of patches.</summary>
    public double Border { get; }

    /// <summary>Share of the patches that are in the outer ring.</summary>
    public double BorderArea => 1 - ((Rows - 2.0) * (Columns - 2) / _values.Length);

    /// <summary>Whether the four corners of 3 x 3 patches do not touch.</summary>
    public bool HasCorners => Rows > 2 * CornerSide && Columns > 2 * CornerSide;

    /// <summary>Share in the four corners of 3 x 3 patches.</summary>
    public double Corners { get; }

    /// <summary>Share of the patches that are in the corners.</summary>
    public double CornerArea => 4.0 * CornerSide * CornerSide / _values.Length;

    /// <summary>1 minus the entropy divided by that of an even distribution: 0 for an even map, 1 for a single patch.</summary>
    public double Focus { get; }

    /// <summary>Share of the patches with at least half of the maximum.</summary>
    public double HotArea { get; }

    /// <summary>
    /// Mass of the second region divided by that of the first. Regions are 8-connected patches with at least half of the maximum; 0 when
    /// there is one.
    /// </summary>
    public double Second { get; }

    /// <summary>Returns null for a map without positive values, with values that are not finite, or with a single patch.</summary>
    public static MapShares? Of(Heatmap map)
    {
        var values = Array.ConvertAll(map.Values, value => Math.Max(0.0, value));
        var sum = values.Sum();
        if (!(sum > 0) || !double.IsFinite(sum) || values.Length < 2)
            return null;
        for (var i = 0; i < values.Length; i++)
            values[i] /= sum;
        return new MapShares(map.Rows, map.Columns, values);
    }

    /// <summary>Returns whether a patch is in the outer ring of a grid.</summary>
    public static bool IsBorder(int row, int column, int rows, int columns) =>
        row == 0 || column == 0 || row == rows - 1 || column == columns - 1;

    /// <summary>Returns whether a patch is in one of the four corners of 3 x 3 patches of a grid.</summary>
    public static bool IsCorner(int row, int column, int rows, int columns) =>
        (row < CornerSide || row >= rows - CornerSide) && (column < CornerSide || column >= columns - CornerSide);

    private double Mass(Func<int, int, int, int, bool> isCounted)
    {
        var mass = 0.0;
        for (var i = 0; i < _values.Length; i++)
            if (isCounted(i / Columns, i % Columns, Rows, Columns))
                mass += _values[i];
        return Math.Min(1, mass);
    }

    private double SecondRegion(double level)
    {
        var regions = new DisjointSets(_values.Length);
        for (var i = 0; i < _values.Length; i++)
            regions.Add();
        for (var i = 0; i < _values.Length; i++)
            foreach (var neighbour in Before(i).Where(neighbour => _values[i] >= level && _values[neighbour] >= level))
                regions.Union(i, neighbour);
        var masses = new Dictionary<int, double>();
        for (var i = 0; i < _values.Length; i++)
            if (_values[i] >= level)
                masses[regions.Find(i)] = masses.GetValueOrDefault(regions.Find(i)) + _values[i];
        var largest = masses.Values.OrderDescending().Take(2).ToList();
        return largest.Count < 2 ? 0 : largest[1] / largest[0];
    }

    /// <summary>Returns the neighbours to the left and above, which come first in the order of the patches.</summary>
    private IEnumerable<int> Before(int patch)
    {
        var (row, column) = (patch / Columns, patch % Columns);
        if (column > 0)
            yield return patch - 1;
        for (var other = Math.Max(0, column - 1); row > 0 && other <= Math.Min(Columns - 1, column + 1); other++)
            yield return patch - Columns + other - column;
    }
}
