using System.Globalization;

namespace AgCam.Audit.Findings;

/// <summary>
/// Scores where the model looked, from the map of the predicted class. Masses are shares of the map's sum; negative values count as 0.
/// </summary>
public sealed class MapFinding : SingleImageFinding
{
    private readonly Func<MapShares, double?> _score;
    private readonly Func<MapShares, string> _explain;

    private MapFinding(string name, double threshold, string rule, Func<MapShares, double?> score, Func<MapShares, string> explain)
    {
        (Name, Threshold, Rule) = (name, threshold, string.Create(CultureInfo.InvariantCulture, $"{rule} is below {threshold}"));
        (_score, _explain) = (score, explain);
    }

    /// <summary>Most of the map lies on the outer ring of patches.</summary>
    public static MapFinding Border() =>
        new(
            "border",
            0.4,
            "the share of the heat inside the outer ring of patches, divided by the share of an even map,",
            map => map.HasInside ? Math.Min(1, (1 - map.Border) / (1 - map.BorderArea)) : null,
            map =>
                Text(
                    $"{100 * map.Border:0} % of the heat lie on the outer ring of patches, which has {100 * map.BorderArea:0} % of the area"
                )
        )
        {
            Place = MapShares.IsBorder,
        };

    /// <summary>Most of the map lies in the four corners of 3 x 3 patches.</summary>
    public static MapFinding Corner() =>
        new(
            "corner",
            0.4,
            "the share of the heat outside the four corners of 3 x 3 patches, divided by the share of an even map,",
            map => map.HasCorners ? Math.Min(1, (1 - map.Corners) / (1 - map.CornerArea)) : null,
            map => Text($"{100 * map.Corners:0} % of the heat lie in the corners, which have {100 * map.CornerArea:0} % of the area")
        )
        {
            Place = MapShares.IsCorner,
        };

    /// <summary>The heat is spread evenly: the model looked at nothing in particular.</summary>
    public static MapFinding Diffuse() =>
        new(
            "diffuse",
            0.1,
            "1 minus the entropy of the heat divided by its maximum",
            map => map.Focus,
            map => Text($"the heat covers the picture almost evenly (focus {map.Focus:0.00} of 1)")
        );

    /// <summary>A second region has almost as much heat as the first.</summary>
    public static MapFinding SeveralObjects() =>
        new(
            "several-objects",
            0.2,
            "1 minus the heat of the second region divided by that of the first, at half of the maximum,",
            map => 1 - map.Second,
            map => Text($"a second region has {100 * map.Second:0} % of the heat of the first")
        );

    /// <summary>The hot region is one patch, or most of the picture.</summary>
    public static MapFinding ObjectSize() =>
        new(
            "object-size",
            0.1,
            "the smaller of 10 a and 2 (1 - a), a the share of patches at half of the maximum or more,",
            map => Math.Min(1, Math.Min(10 * map.HotArea, 2 * (1 - map.HotArea))),
            map => Text($"the hot region covers {100 * map.HotArea:0.0} % of the picture")
        );

    public override string Name { get; }

    public override string Needs => "heatmaps";

    public override IReadOnlyList<(int Row, int Column)>? Patches(int rows, int columns) =>
        Place is null
            ? null
            :
            [
                .. from row in Enumerable.Range(0, rows)
                from column in Enumerable.Range(0, columns)
                where Place(row, column, rows, columns)
                select (row, column),
            ];

    /// <summary>Returns, by row, column and size of the grid, whether a patch is at the finding's place; null without a place.</summary>
    private Func<int, int, int, int, bool>? Place { get; init; }

    public override double Threshold { get; }

    public override string Rule { get; }

    public override ImageScore? Score(AuditRow row) =>
        row.Shares is { } map && _score(map) is { } score ? new ImageScore(score, score < Threshold) : null;

    public override string Explain(AuditRow row, ClassNames classes) => _explain(row.Shares!);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
