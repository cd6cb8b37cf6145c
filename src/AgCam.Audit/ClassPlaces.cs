using System.Globalization;
using AgCam.Audit.Findings;

namespace AgCam.Audit;

/// <summary>
/// Counts the images of each class for a finding about a fixed place. A class is a candidate when more than half of its images count, and
/// more than twice the share of the other classes: then the place belongs to the class and not to the dataset.
/// </summary>
internal sealed class ClassPlaces(ImageFinding finding)
{
    private const int MinimumImages = 10;
    private const int ExampleCount = 3;

    private readonly bool _hasPlace = finding.Patches(1, 1) is not null;
    private readonly Dictionary<(int Rows, int Columns), SortedDictionary<int, Counts>> _grids = [];

    public void Add(AuditRow row, bool isIssue)
    {
        if (!_hasPlace || row.Shares is not { } map || (row.Label ?? row.Probabilities?.Predicted) is not { } @class)
            return;
        if (!_grids.TryGetValue((map.Rows, map.Columns), out var classes))
            _grids[(map.Rows, map.Columns)] = classes = [];
        if (!classes.TryGetValue(@class, out var counts))
            classes[@class] = counts = new Counts();
        counts.Images++;
        counts.Counted += isIssue ? 1 : 0;
        if (isIssue && counts.Examples.Count < ExampleCount)
            counts.Examples.Add((row.Number, row.Path));
    }

    /// <summary>Returns the candidates of the grid with the most maps, largest share first.</summary>
    public IReadOnlyList<ListedClass> Found(ClassNames classes)
    {
        if (_grids.Count == 0)
            return [];
        var (grid, counts) = _grids
            .OrderByDescending(entry => entry.Value.Values.Sum(counts => counts.Images))
            .ThenBy(entry => entry.Key)
            .First();
        var patches = finding.Patches(grid.Rows, grid.Columns)!;
        var (images, counted) = (counts.Values.Sum(own => own.Images), counts.Values.Sum(own => own.Counted));
        return
        [
            .. from entry in counts
            let own = entry.Value
            let share = (double)own.Counted / own.Images
            let others = images == own.Images ? 0 : (double)(counted - own.Counted) / (images - own.Images)
            where own.Images >= MinimumImages && images > own.Images && share > 0.5 && share > 2 * others
            orderby share descending, entry.Key
            select new ListedClass(
                new FoundClass(entry.Key, 1 - share, true, Reason(classes.Text(entry.Key), share, others))
                {
                    IsCandidate = true,
                    Patches = patches,
                },
                own.Examples
            ),
        ];
    }

    private static string Reason(string name, double share, double others) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{100 * share:0} % of the images of {name} count, and {100 * others:0} % of the images of other classes"
        );

    private sealed class Counts
    {
        public long Images { get; set; }

        public long Counted { get; set; }

        public List<(long Number, string? Path)> Examples { get; } = [];
    }
}
