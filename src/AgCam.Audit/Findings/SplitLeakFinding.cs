namespace AgCam.Audit.Findings;

/// <summary>Groups of copies whose images are in more than one split: a model is then tested on what it was trained on.</summary>
/// <param name="copies">Findings of copies that run in the same audit.</param>
public sealed class SplitLeakFinding(IReadOnlyList<GroupFinding> copies) : GroupFinding
{
    private readonly Dictionary<long, string> _splits = [];

    public override string Name => "split-leak";

    public override string Needs => "splits and pictures";

    public override string Rule => "copies of a picture in more than one split";

    public override long Compared => _splits.Count;

    public override void Fit(AuditRow row)
    {
        if (!string.IsNullOrEmpty(row.Split))
            _splits[row.Number] = string.Intern(row.Split); // few different ones
    }

    public override void Merge(Finding other)
    {
        foreach (var (number, split) in ((SplitLeakFinding)other)._splits)
            _splits[number] = split;
    }

    public override IReadOnlyList<FoundGroup> Groups() =>
        [
            .. copies
                .SelectMany(finding => finding.Groups())
                .Select(group =>
                    group with
                    {
                        Splits =
                        [
                            .. group.Numbers.Select(_splits.GetValueOrDefault).OfType<string>().Distinct().Order(StringComparer.Ordinal),
                        ],
                    }
                )
                .Where(group => group.Splits.Count > 1),
        ];
}
