using System.Globalization;

namespace AgCam.Audit.Findings;

/// <summary>
/// Finds classes whose images fall into two clusters for the model, as images with and without a watermark do. The embedding, weighted by
/// the class's row of the classifier, says what each part of it adds to the class's logit (class-wise neural PCA, Neuhaus et al. 2023,
/// arXiv:2212.04871). It is joined with the heatmap, each scaled to a variance of 1 over the class. Along each of the first principal
/// components the images are split in two so that the clusters explain most of the component's variance.
/// </summary>
/// <remarks>
/// A covariance per class would take gigabytes for 1,000 classes. Instead, of each class the images with the lowest SHA-256 are kept: a
/// sample that does not depend on order or shards.
/// </remarks>
public sealed class ClustersFinding : ClassFinding
{
    private const int MinimumImages = 20;
    private const int MinimumCluster = 5;
    private const int MaximumPerClass = 500;
    private const int MaximumImages = 50_000; // of all classes
    private const int Components = 5;
    private const double MinimumSeparation = 0.85; // an even spread has 0.75, a normal distribution 0.64
    private const int ExampleCount = 3;

    private readonly ClassifierRows? _rows;
    private readonly int _limit;
    private readonly SortedDictionary<int, SortedDictionary<Digest, Member>> _classes = [];

    /// <param name="classes">Number of classes.</param>
    /// <param name="rows">Weights of the classifier; null when the model is not at hand, so that nothing is judged.</param>
    public ClustersFinding(int classes, ClassifierRows? rows)
    {
        _rows = rows;
        _limit = Math.Clamp(MaximumImages / classes, MinimumImages, MaximumPerClass);
    }

    private sealed record Member(long Number, Half[] Embedding, Half[] Map, int MapColumns);

    public override string Name => "clusters";

    public override string Needs => "embeddings, heatmaps, image files, the model, and 20 images of the class";

    public override string Rule =>
        $"candidates: classes of which a group of at least {MinimumCluster} images and at most half lies apart from the others, in what "
        + "the model sees for the class and where it looks";

    public override void Fit(AuditRow row)
    {
        if (
            _rows is null
            || row is not { Sha256: { } sha256, Shares: { } map, Embedding: { } embedding }
            || (row.Label ?? row.Probabilities?.Predicted) is not { } @class
            || embedding.Length != _rows.Width
            || @class >= _rows.Classes
        )
            return;
        var members = Of(@class);
        if (members.Count < _limit || members.ContainsKey(sha256) || sha256.CompareTo(members.Keys.Last()) < 0)
            Add(
                members,
                sha256,
                new Member(
                    row.Number,
                    Array.ConvertAll(embedding, value => (Half)value),
                    [.. map.Values.Select(value => (Half)value)],
                    map.Columns
                )
            );
    }

    public override void Merge(Finding other)
    {
        foreach (var (@class, members) in ((ClustersFinding)other)._classes)
        foreach (var (sha256, member) in members)
            Add(Of(@class), sha256, member);
    }

    public override IReadOnlyList<FoundClass> Classes(ClassNames classes) =>
        [
            .. _classes
                .AsParallel()
                .Select(entry => Judge(entry.Key, entry.Value.Values, classes))
                .OfType<FoundClass>()
                .OrderBy(found => found.Score)
                .ThenBy(found => found.Class),
        ];

    private SortedDictionary<Digest, Member> Of(int @class)
    {
        if (!_classes.TryGetValue(@class, out var members))
            _classes[@class] = members = [];
        return members;
    }

    private void Add(SortedDictionary<Digest, Member> members, Digest sha256, Member member)
    {
        if (members.TryGetValue(sha256, out var known) && known.Number < member.Number)
            return; // a copy
        members[sha256] = member;
        if (members.Count > _limit)
            members.Remove(members.Keys.Last());
    }

    /// <summary>Returns null when too few images of the class have maps of one grid.</summary>
    private FoundClass? Judge(int @class, IEnumerable<Member> sampled, ClassNames classes)
    {
        var members = sampled
            .GroupBy(member => (member.Map.Length, member.MapColumns))
            .OrderByDescending(grid => grid.Count())
            .ThenBy(grid => grid.Key)
            .First()
            .OrderBy(member => member.Number)
            .ToList();
        if (members.Count < MinimumImages)
            return null;
        var embeddings = Scaled([.. members.Select(member => Weighted(member.Embedding, @class))], out var scale);
        var maps = Scaled([.. members.Select(member => Array.ConvertAll(member.Map, value => (double)value))], out _);
        double[][] rows = [.. embeddings.Zip(maps, (embedding, map) => (double[])[.. embedding, .. map])];
        var splits = PrincipalComponents
            .Of(rows, Components)
            .Select(component => Split.Of(component.Coordinates) is { } split ? (split, component.Direction) : ((Split, double[])?)null)
            .OfType<(Split Split, double[] Direction)>()
            .ToList();
        if (splits.Count == 0)
            return new FoundClass(@class, 1, false, $"the images of {classes.Text(@class)} form one group");
        var (best, direction) = splits.MaxBy(found => found.Split.Separation);
        return Describe(@class, members, best, best.Difference * direction.Take(_rows!.Width).Sum() / scale, classes);
    }

    /// <param name="logit">What the component adds to the class's logit in the cluster, beside the other images.</param>
    private static FoundClass Describe(int @class, IReadOnlyList<Member> members, Split split, double logit, ClassNames classes)
    {
        var (own, others) = (Mean(split.Cluster.Select(i => members[i].Map)), Mean(split.Rest.Select(i => members[i].Map)));
        var share = (double)split.Cluster.Count / members.Count;
        // The feature that the model relies on is in the images with the higher logit, which may be the larger group.
        var (with, without) = logit >= 0 ? (own, others) : (others, own);
        double[] excess = [.. with.Zip(without, (left, right) => left - right)];
        var columns = members[0].MapColumns;
        var reason = string.Create(
            CultureInfo.InvariantCulture,
            $"{split.Cluster.Count:N0} of {members.Count:N0} sampled images of {classes.Text(@class)} lie apart: the split explains "
                + $"{100 * split.Separation:0} % of the variance of its component, which {(logit < 0 ? "lowers" : "raises")} the logit of "
                + $"the class by {Math.Abs(logit):0.0} there"
        );
        return new FoundClass(
            @class,
            Math.Clamp(1 - (split.Separation * (1 - share) * (1 + Focus(own)) / 2), 0, 1),
            split.Separation >= MinimumSeparation,
            reason
        )
        {
            Patches =
            [
                .. Enumerable
                    .Range(0, excess.Length)
                    .Where(patch => excess[patch] > 0 && excess[patch] >= excess.Max() / 2)
                    .Select(patch => (patch / columns, patch % columns)),
            ],
            Examples = [.. split.Cluster.Take(ExampleCount).Select(i => members[i].Number).Order()],
        };
    }

    /// <summary>Returns what each part of the embedding adds to the class's logit.</summary>
    private double[] Weighted(Half[] embedding, int @class)
    {
        var weights = _rows![@class];
        var values = new double[embedding.Length];
        for (var i = 0; i < values.Length; i++)
            values[i] = (double)embedding[i] * weights[i];
        return values;
    }

    /// <summary>Scales vectors so that the sum of the variances of their parts is 1.</summary>
    private static double[][] Scaled(double[][] rows, out double scale)
    {
        var width = rows[0].Length;
        var variance = 0.0;
        for (var i = 0; i < width; i++)
        {
            var mean = rows.Sum(row => row[i]) / rows.Length;
            variance += rows.Sum(row => (row[i] - mean) * (row[i] - mean)) / rows.Length;
        }
        var factor = scale = variance > 0 ? 1 / Math.Sqrt(variance) : 1;
        return Array.ConvertAll(rows, row => Array.ConvertAll(row, value => value * factor));
    }

    private static double[] Mean(IEnumerable<Half[]> maps)
    {
        var all = maps.ToList();
        return [.. Enumerable.Range(0, all[0].Length).Select(patch => all.Sum(map => (double)map[patch]) / all.Count)];
    }

    /// <summary>Returns 1 minus the entropy of a map divided by its maximum.</summary>
    private static double Focus(double[] shares) =>
        1 + (shares.Where(share => share > 0).Sum(share => share * Math.Log(share)) / Math.Log(shares.Length));

    /// <summary>Two clusters of coordinates on one line.</summary>
    /// <param name="Cluster">Indices of the smaller cluster, farthest from the other one first.</param>
    /// <param name="Rest">Indices of the larger cluster.</param>
    /// <param name="Separation">Share of the variance that the clusters explain (Otsu 1979).</param>
    /// <param name="Difference">Mean coordinate of the cluster minus that of the rest.</param>
    private sealed record Split(IReadOnlyList<int> Cluster, IReadOnlyList<int> Rest, double Separation, double Difference)
    {
        /// <summary>Returns the split with the largest separation whose clusters have 5 images or more; null when there is none.</summary>
        public static Split? Of(double[] coordinates)
        {
            int[] order = [.. Enumerable.Range(0, coordinates.Length).OrderBy(i => coordinates[i])];
            var (count, all) = (coordinates.Length, coordinates.Sum());
            var total = coordinates.Sum(value => value * value) - (all * all / count);
            if (count < 2 * MinimumCluster || !(total > 0))
                return null;
            var (lower, best, at) = (0.0, 0.0, 0);
            for (var size = 1; size <= count - MinimumCluster; size++)
            {
                lower += coordinates[order[size - 1]];
                var difference = (lower / size) - ((all - lower) / (count - size));
                var between = difference * difference * size * (count - size) / count;
                if (size >= MinimumCluster && between > best)
                    (best, at) = (between, size);
            }
            int[] low = order[..at];
            int[] high = [.. order[at..].Reverse()];
            var isLow = low.Length <= high.Length;
            var (cluster, rest) = isLow ? (low, high) : (high, low);
            return new Split(
                cluster,
                rest,
                Math.Min(1, best / total),
                cluster.Average(i => coordinates[i]) - rest.Average(i => coordinates[i])
            );
        }
    }
}
