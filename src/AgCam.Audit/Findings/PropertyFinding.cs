using System.Globalization;
using MathNet.Numerics;

namespace AgCam.Audit.Findings;

/// <summary>
/// Finds classes that a simple property of the picture gives away: a model can then learn the property instead of the object. The mutual
/// information of a property's bins and the class is tested against independence (G-test, Sokal and Rohlf 1981), at a false discovery rate
/// of 1 % over all classes and properties. The effect is the share of the class's entropy that the property removes, less its expectation
/// for independent ones (Miller and Madow 1955).
/// </summary>
public sealed class PropertyFinding : ClassFinding
{
    private const int MinimumImages = 20;
    private const double MinimumExpected = 5; // images in a cell of the table, for the chi-square distribution
    private const double Rate = 0.01;
    private const double MinimumEffect = 0.1;
    private const double MinimumExcess = 0.3; // else the other classes differ, and this one is only not like them
    private const int ExampleCount = 3;

    private readonly SortedDictionary<int, Counts> _classes = [];

    public override string Name => "property";

    public override string Needs => "labels and pictures, and two classes of 20 images";

    public override string Rule =>
        "classes of which brightness, blur, aspect, size or a bit of the difference hash tells at least 10 % of the information on whether "
        + "an image is labelled so, with 30 % more of its images in one range than of other classes";

    public override void Fit(AuditRow row)
    {
        if (row is not { Label: { } label, Picture: { } picture })
            return;
        var counts = Of(label);
        counts.Images++;
        for (var i = 0; i < PictureProperty.All.Count; i++)
            counts.Bins[i][PictureProperty.All[i].Bin(picture)]++;
        counts.Keep(row.Number);
    }

    public override void Merge(Finding other)
    {
        foreach (var (label, counts) in ((PropertyFinding)other)._classes)
            Of(label).Add(counts);
    }

    public override IReadOnlyList<FoundClass> Classes(ClassNames classes)
    {
        var all = new Counts();
        foreach (var counts in _classes.Values)
            all.Add(counts);
        var tests = _classes
            .Where(entry => entry.Value.Images >= MinimumImages && all.Images - entry.Value.Images >= MinimumImages)
            .ToDictionary(entry => entry.Key, entry => Tests(entry.Value, all));
        var limit = FalseDiscovery.Limit([.. tests.Values.SelectMany(ofClass => ofClass.Select(test => test.PValue))], Rate);
        return
        [
            .. tests
                .Select(entry => Judge(entry.Key, entry.Value, limit, classes))
                .OrderBy(found => found.Score)
                .ThenBy(found => found.Class),
        ];
    }

    private FoundClass Judge(int label, IReadOnlyList<Test> tests, double limit, ClassNames classes)
    {
        var best = tests.Where(test => test.PValue <= limit).MaxBy(test => test.Effect) ?? tests.MaxBy(test => test.Effect)!;
        var effect = best.PValue <= limit ? Math.Clamp(best.Effect, 0, 1) : 0;
        return new FoundClass(
            label,
            1 - effect,
            effect >= MinimumEffect && best.Own - best.Others >= MinimumExcess,
            Sentence(best, classes.Text(label))
        )
        {
            PValue = Math.Min(1, best.PValue * tests.Count),
            Examples = [.. _classes[label].Examples],
        };
    }

    private static string Sentence(Test test, string name) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{test.Property.Name} tells {100 * Math.Max(0, test.Effect):0} % of the information on whether an image is {name}: "
                + $"{100 * test.Own:0} % of its images {test.Property.Text(test.First, test.Last)}, of other classes "
                + $"{100 * test.Others:0} %"
        );

    private static IReadOnlyList<Test> Tests(Counts own, Counts all) =>
        [.. PictureProperty.All.Select((property, i) => Measure(property, own.Bins[i], all.Bins[i]))];

    private static Test Measure(PictureProperty property, long[] own, long[] all)
    {
        var (ofClass, total) = ((double)own.Sum(), (double)all.Sum());
        var others = total - ofClass;
        var cells = Cells(own, all, Math.Min(ofClass, others) / total);
        var information = cells.Sum(cell =>
            Term(cell.Own, ofClass * cell.All / total) + Term(cell.All - cell.Own, others * cell.All / total)
        );
        var freedom = cells.Count - 1;
        var entropy = -(Term(ofClass, total) + Term(others, total)); // in nats, as is the information
        // The bin in which the class exceeds the others most.
        var typical = cells.MaxBy(cell => (cell.Own / ofClass) - ((cell.All - cell.Own) / others));
        return new Test(
            property,
            freedom == 0 ? 1 : SpecialFunctions.GammaUpperRegularized(freedom / 2.0, Math.Max(0, information)),
            freedom == 0 ? 0 : (information - (freedom / 2.0)) / entropy,
            typical.First,
            typical.Last,
            typical.Own / ofClass,
            (typical.All - typical.Own) / others
        );

        static double Term(double observed, double expected) => observed > 0 ? observed * Math.Log(observed / expected) : 0;
    }

    /// <summary>Joins neighbouring bins until the smaller of class and others can expect 5 images in each.</summary>
    /// <param name="share">Share of the images that the smaller one has.</param>
    private static List<Cell> Cells(long[] own, long[] all, double share)
    {
        List<Cell> cells = [];
        var current = new Cell(0, 0, 0, 0);
        for (var bin = 0; bin < all.Length; bin++)
        {
            current = current with { Last = bin, Own = current.Own + own[bin], All = current.All + all[bin] };
            if (current.All * share < MinimumExpected)
                continue;
            cells.Add(current);
            current = new Cell(bin + 1, bin + 1, 0, 0);
        }
        if (cells.Count == 0)
            return [current];
        if (current.First < all.Length) // too few for a cell of their own
            cells[^1] = cells[^1] with { Last = current.Last, Own = cells[^1].Own + current.Own, All = cells[^1].All + current.All };
        return cells;
    }

    private Counts Of(int label)
    {
        if (!_classes.TryGetValue(label, out var counts))
            _classes[label] = counts = new Counts();
        return counts;
    }

    /// <summary>Images in the bins from the first to the last: of the class, and of all classes.</summary>
    private readonly record struct Cell(int First, int Last, double Own, double All);

    /// <param name="Effect">Share of the class's entropy that the property removes; 0 or less when it removes none.</param>
    /// <param name="First">First bin of the cell in which the class exceeds the others most.</param>
    /// <param name="Last">Last bin of that cell.</param>
    /// <param name="Own">Share of the class's images in it.</param>
    /// <param name="Others">Share of the other images in it.</param>
    private sealed record Test(PictureProperty Property, double PValue, double Effect, int First, int Last, double Own, double Others);

    /// <summary>Images of a class, by property and bin.</summary>
    private sealed class Counts
    {
        public long Images { get; set; }

        public long[][] Bins { get; } = [.. PictureProperty.All.Select(property => new long[property.Bins])];

        public SortedSet<long> Examples { get; } = [];

        public void Add(Counts other)
        {
            Images += other.Images;
            foreach (var (own, ofOther) in Bins.Zip(other.Bins))
                for (var bin = 0; bin < own.Length; bin++)
                    own[bin] += ofOther[bin];
            foreach (var number in other.Examples)
                Keep(number);
        }

        public void Keep(long number)
        {
            Examples.Add(number);
            if (Examples.Count > ExampleCount)
                Examples.Remove(Examples.Max);
        }
    }
}
