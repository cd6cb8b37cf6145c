using AgCam.Audit.Findings;

namespace AgCam.Audit;

/// <summary>Runs findings over the rows of a dataset. The rows are read twice and never held together.</summary>
/// <param name="classes">Names of the classes.</param>
/// <param name="findings">Findings without statistics.</param>
/// <param name="top">Maximum number of images, groups, classes or slices that a finding lists. Null lists all.</param>
public sealed class Auditor(ClassNames classes, IReadOnlyList<Finding> findings, int? top)
{
    /// <param name="read">Reads all rows, in the same order each time.</param>
    /// <param name="scored">Called for every row with what the findings say about it.</param>
    public async Task<AuditReport> RunAsync(
        Func<IAsyncEnumerable<AuditRow>> read,
        Action<AuditRow, ImageResult>? scored = null,
        CancellationToken cancellationToken = default
    )
    {
        var (images, labelled) = (0L, 0L);
        await foreach (var row in read().WithCancellation(cancellationToken))
        {
            images++;
            labelled += row.Label is null ? 0 : 1;
            foreach (var finding in findings)
                finding.Fit(row);
        }

        var tallies = findings.OfType<ImageFinding>().ToDictionary(finding => finding, finding => new ImageTally(finding, classes, top));
        var groups = findings.OfType<GroupFinding>().ToDictionary(finding => finding, finding => finding.Groups());
        var judged = findings.OfType<ClassFinding>().ToDictionary(finding => finding, finding => finding.Classes(classes));
        var slices = findings.OfType<DatasetFinding>().ToDictionary(finding => finding, finding => finding.Slices());
        var paths = groups
            .Values.SelectMany(Listed)
            .SelectMany(group => group.Numbers)
            .Concat(judged.Values.SelectMany(ListedClasses).SelectMany(found => found.Examples))
            .Concat(slices.Values.SelectMany(Listed).SelectMany(found => found.Examples))
            .Distinct()
            .ToDictionary(number => number, _ => (string?)null);
        var members = groups.Select(entry => (Finding: entry.Key, Groups: GroupOfImage(entry.Value))).ToList();
        await foreach (var row in read().WithCancellation(cancellationToken))
        {
            var scores = tallies.Values.Select(tally => tally.Add(row)).ToList();
            if (paths.ContainsKey(row.Number))
                paths[row.Number] = row.Path;
            scored?.Invoke(row, new ImageResult(scores, [.. members.Select(entry => OfImage(entry.Finding, entry.Groups, row))]));
        }

        return new AuditReport(images, labelled, [.. findings.Select(Report)]);

        FindingReport Report(Finding finding) =>
            finding switch
            {
                ImageFinding image => tallies[image].Report(),
                GroupFinding group => new FindingReport(
                    group.Name,
                    group.Level,
                    group.Compared,
                    groups[group].Sum(found => found.Numbers.Count),
                    group.Rule,
                    group.Needs
                )
                {
                    Groups = [.. Listed(groups[group]).Select(found => new ListedGroup(found, Named(found.Numbers)))],
                },
                ClassFinding @class => new FindingReport(
                    @class.Name,
                    @class.Level,
                    judged[@class].Count,
                    judged[@class].Count(found => found.IsIssue),
                    @class.Rule,
                    @class.Needs
                )
                {
                    Classes = [.. ListedClasses(judged[@class]).Select(found => new ListedClass(found, Named(found.Examples)))],
                },
                DatasetFinding dataset => new FindingReport(
                    dataset.Name,
                    dataset.Level,
                    slices[dataset].Count,
                    slices[dataset].Count(found => found.IsIssue),
                    dataset.Rule,
                    dataset.Needs
                )
                {
                    Slices = [.. Listed(slices[dataset]).Select(found => new ListedSlice(found, Named(found.Examples)))],
                },
                _ => throw new ArgumentException($"{finding.GetType().Name} is no finding of a known level.", nameof(finding)),
            };

        IEnumerable<T> Listed<T>(IReadOnlyList<T> all) => top is { } limit ? all.Take(limit) : all;

        // Counted classes are all listed, because interventions and gates read them.
        IEnumerable<FoundClass> ListedClasses(IReadOnlyList<FoundClass> all) =>
            top is { } limit ? all.Where((found, i) => i < limit || found.IsIssue) : all;

        IReadOnlyList<(long, string?)> Named(IReadOnlyList<long> numbers) => [.. numbers.Select(number => (number, paths[number]))];
    }

    private static Dictionary<long, ImageGroup> GroupOfImage(IReadOnlyList<FoundGroup> groups)
    {
        var found = new Dictionary<long, ImageGroup>();
        foreach (var (index, group) in groups.Index())
        foreach (var number in group.Numbers)
            found.TryAdd(number, new ImageGroup(index, group.Score));
        return found;
    }

    private static ImageGroup? OfImage(GroupFinding finding, Dictionary<long, ImageGroup> groups, AuditRow row) =>
        groups.TryGetValue(row.Number, out var group) ? group
        : finding.IsComparable(row) ? new ImageGroup(null, 1)
        : null;

    private sealed class ImageTally(ImageFinding finding, ClassNames classes, int? top)
    {
        private readonly WorstImages _worst = new(top);
        private readonly ClassPlaces _places = new(finding);
        private long _scored;
        private long _count;

        public ImageScore? Add(AuditRow row)
        {
            if (finding.Score(row) is not { } score)
                return null;
            _scored++;
            _count += score.IsIssue ? 1 : 0;
            _places.Add(row, score.IsIssue);
            _worst.Add(
                score.Value,
                row.Number,
                () =>
                    new ListedImage(
                        row.Number,
                        row.Path,
                        score.Value,
                        score.IsIssue,
                        finding.Explain(row, classes),
                        score.Likely is null ? null : row.Label,
                        score.Likely
                    )
                    {
                        Class = row.Label ?? row.Probabilities?.Predicted,
                    }
            );
            return score;
        }

        public FindingReport Report() =>
            new(finding.Name, finding.Level, _scored, _count, finding.Rule, finding.Needs)
            {
                Threshold = finding.Threshold,
                Items = _worst.Ranked(),
                Classes = _places.Found(classes),
            };
    }
}
