namespace AgCam.Audit.Findings;

/// <summary>Groups of copies whose images are in more than one split: a model is then tested on what it was trained on.</summary>
/// <param name="copies">Findings of copies.</param>
/// <param name="own">Those of <paramref name="copies"/> that the audit does not run, so that this finding adds the images.</param>
public sealed class SplitLeakFinding(IReadOnlyList<GroupFinding> copies, IReadOnlyList<GroupFinding> own) : GroupFinding
{
    private readonly IReadOnlyList<GroupFinding> _own = own;
    private readonly Dictionary<long, string> _splits = [];

    public override string Name => "split-leak";

    public override string Needs => "splits and pictures";

    public override string Rule => "copies of a picture in more than one split";

    public override long Compared => _splits.Count;

    public override bool IsComparable(AuditRow row) => !string.IsNullOrEmpty(row.Split);

    public override void Fit(AuditRow row)
    {
        foreach (var finding in _own)
            finding.Fit(row);
        if (IsComparable(row))
            _splits[row.Number] = string.Intern(row.Split!); // few different ones
    }

    public override void Merge(Finding other)
    {
        var shard = (SplitLeakFinding)other;
        foreach (var (finding, ofShard) in _own.Zip(shard._own))
            finding.Merge(ofShard);
        foreach (var (number, split) in shard._splits)
            _splits[number] = split;
    }

    protected override IReadOnlyList<FoundGroup> Find() =>
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
