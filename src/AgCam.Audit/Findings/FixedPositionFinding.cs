using System.Globalization;
using MathNet.Numerics;

namespace AgCam.Audit.Findings;

/// <summary>
/// Finds classes for which the model looks at fixed patches more than for others, as it does at a watermark. Each patch of each class is
/// tested against shuffled labels. The mean share of heat has the exact mean and variance over all permutations, and a normal tail. The
/// number of maps with their peak there has the hypergeometric distribution; it finds a mark that moves between a few places. The false
/// discovery rate over all classes and patches is held at 1 % (Benjamini and Hochberg 1995). Attribution only suggests a reliance, so
/// what is found is a candidate.
/// </summary>
public sealed class FixedPositionFinding : ClassFinding
{
    private const int MinimumImages = 10;
    private const double Rate = 0.01;
    private const double MinimumExcess = 0.1; // share of the heat, or of the peaks, above that of the other classes
    private const int ExampleCount = 3;

    // Maps of different grids do not compare. The grid with the most maps is judged.
    private readonly Dictionary<(int Rows, int Columns), Grid> _grids = [];

    public override string Name => "fixed-position";

    public override string Needs => "heatmaps of one grid, and labels or predictions";

    public override string Rule =>
        "candidates: classes whose maps have at least 10 % more of their heat or peaks than other classes at patches that stand out";

    public override void Fit(AuditRow row)
    {
        if (row.Shares is not { } map || (row.Label ?? row.Probabilities?.Predicted) is not { } @class)
            return;
        Of((map.Rows, map.Columns)).Class(@class).Add(map, row.Number);
    }

    public override void Merge(Finding other)
    {
        foreach (var (size, grid) in ((FixedPositionFinding)other)._grids)
        foreach (var (@class, statistics) in grid.Classes)
            Of(size).Class(@class).Add(statistics);
    }

    public override IReadOnlyList<FoundClass> Classes(ClassNames classes)
    {
        if (_grids.Count == 0)
            return [];
        var ((_, columns), grid) = _grids
            .OrderByDescending(entry => entry.Value.Classes.Values.Sum(statistics => statistics.Images))
            .ThenBy(entry => entry.Key)
            .First();
        var all = new Statistics(grid.Patches);
        foreach (var statistics in grid.Classes.Values)
            all.Add(statistics);
        var judged = grid.Classes.Where(entry => entry.Value.Images >= MinimumImages && entry.Value.Images < all.Images).ToList();
        var pValues = judged.ToDictionary(entry => entry.Key, entry => PValues(entry.Value, all));
        var limit = FalseDiscovery.Limit([.. pValues.Values.SelectMany(values => values)], Rate);
        return
        [
            .. judged
                .Select(entry => Judge(entry.Key, entry.Value, all, pValues[entry.Key], limit, columns, classes))
                .OrderBy(found => found.Score)
                .ThenBy(found => found.Class),
        ];
    }

    private Grid Of((int Rows, int Columns) size)
    {
        if (!_grids.TryGetValue(size, out var grid))
            _grids[size] = grid = new Grid(size.Rows * size.Columns);
        return grid;
    }

    private static FoundClass Judge(
        int @class,
        Statistics own,
        Statistics all,
        double[] pValues,
        double limit,
        int columns,
        ClassNames classes
    )
    {
        var patches = Enumerable.Range(0, pValues.Length).Where(patch => pValues[patch] <= limit && Excess(own, all, patch) > 0).ToList();
        var heat = patches.Sum(patch => own.MeanHeat(patch) - OthersHeat(own, all, patch));
        var peaks = patches.Sum(patch => own.PeakShare(patch) - OthersPeaks(own, all, patch));
        var excess = Math.Clamp(Math.Max(heat, peaks), 0, 1);
        var reason = string.Create(
            CultureInfo.InvariantCulture,
            $"{Count(patches.Count)} with {100 * patches.Sum(own.PeakShare):0} % of the peaks and {100 * patches.Sum(own.MeanHeat):0} % of "
                + $"the heat of {classes.Text(@class)}; other classes have "
                + $"{100 * patches.Sum(patch => OthersPeaks(own, all, patch)):0} % and "
                + $"{100 * patches.Sum(patch => OthersHeat(own, all, patch)):0} % there"
        );
        return new FoundClass(@class, 1 - excess, excess >= MinimumExcess, reason)
        {
            PValue = Math.Min(1, pValues.Min() * pValues.Length),
            IsCandidate = excess >= MinimumExcess,
            Patches = [.. patches.Select(patch => (patch / columns, patch % columns))],
            Examples = [.. own.Examples],
        };

        static string Count(int patches) => patches == 1 ? "1 patch" : $"{patches} patches";
    }

    private static double Excess(Statistics own, Statistics all, int patch) =>
        Math.Max(own.MeanHeat(patch) - OthersHeat(own, all, patch), own.PeakShare(patch) - OthersPeaks(own, all, patch));

    private static double OthersHeat(Statistics own, Statistics all, int patch) =>
        (all.Heat[patch].Value - own.Heat[patch].Value) / (all.Images - own.Images);

    private static double OthersPeaks(Statistics own, Statistics all, int patch) =>
        (double)(all.Peaks[patch] - own.Peaks[patch]) / (all.Images - own.Images);

    /// <summary>Returns the probability of each patch's heat or peaks, or more, under shuffled labels. Two tests count twice.</summary>
    private static double[] PValues(Statistics own, Statistics all)
    {
        var values = new double[own.Heat.Length];
        for (var patch = 0; patch < values.Length; patch++)
            values[patch] = Math.Min(1, 2 * Math.Min(HeatTail(own, all, patch), PeakTail(own, all, patch)));
        return values;
    }

    private static double HeatTail(Statistics own, Statistics all, int patch)
    {
        var mean = all.MeanHeat(patch);
        var variance = Math.Max(0, (all.Squares[patch].Value / all.Images) - (mean * mean));
        var ofSum = (double)own.Images * (all.Images - own.Images) / (all.Images - 1) * variance;
        return ofSum <= 0 ? 1 : 0.5 * SpecialFunctions.Erfc((own.Heat[patch].Value - (own.Images * mean)) / Math.Sqrt(2 * ofSum));
    }

    /// <summary>Returns the hypergeometric probability of at least as many peaks.</summary>
    private static double PeakTail(Statistics own, Statistics all, int patch)
    {
        var (found, marked) = (own.Peaks[patch], all.Peaks[patch]);
        if (found * all.Images <= marked * own.Images)
            return 1; // not above the expected number
        double Log(long n, long k) => SpecialFunctions.BinomialLn((int)n, (int)k);
        var term = Math.Exp(Log(marked, found) + Log(all.Images - marked, own.Images - found) - Log(all.Images, own.Images));
        var tail = 0.0;
        for (var k = found; k <= Math.Min(marked, own.Images) && term > tail * 1e-12; k++)
        {
            tail += term;
            term *= (double)(marked - k) * (own.Images - k) / ((k + 1.0) * (all.Images - marked - own.Images + k + 1));
        }
        return Math.Min(1, tail);
    }

    private sealed class Grid(int patches)
    {
        public int Patches => patches;

        public SortedDictionary<int, Statistics> Classes { get; } = [];

        public Statistics Class(int index)
        {
            if (!Classes.TryGetValue(index, out var statistics))
                Classes[index] = statistics = new Statistics(patches);
            return statistics;
        }
    }

    /// <summary>Sums per patch over the images of a class.</summary>
    private sealed class Statistics(int patches)
    {
        public long Images { get; private set; }

        public ExactSum[] Heat { get; } = new ExactSum[patches];

        public ExactSum[] Squares { get; } = new ExactSum[patches];

        public long[] Peaks { get; } = new long[patches];

        public SortedSet<long> Examples { get; } = [];

        public double MeanHeat(int patch) => Heat[patch].Value / Images;

        public double PeakShare(int patch) => (double)Peaks[patch] / Images;

        public void Add(MapShares map, long number)
        {
            Images++;
            Peaks[map.Peak]++;
            for (var patch = 0; patch < Heat.Length; patch++)
            {
                Heat[patch].Add(map.Values[patch]);
                Squares[patch].Add(map.Values[patch] * map.Values[patch]);
            }
            Keep(number);
        }

        public void Add(Statistics other)
        {
            Images += other.Images;
            for (var patch = 0; patch < Heat.Length; patch++)
            {
                Heat[patch].Add(other.Heat[patch]);
                Squares[patch].Add(other.Squares[patch]);
                Peaks[patch] += other.Peaks[patch];
            }
            foreach (var number in other.Examples)
                Keep(number);
        }

        private void Keep(long number)
        {
            Examples.Add(number);
            if (Examples.Count > ExampleCount)
                Examples.Remove(Examples.Max);
        }
    }
}
