namespace AgCam.Audit.Findings;

/// <summary>Groups images whose files have the same SHA-256.</summary>
public sealed class ExactDuplicateFinding : GroupFinding
{
    private readonly List<(Digest Sha256, long Number)> _images = [];

    public override string Name => "exact-duplicate";

    public override string Needs => "image files";

    public override string Rule => "images whose files are equal, byte by byte";

    public override long Compared => _images.Count;

    public override bool IsComparable(AuditRow row) => row.Sha256 is not null;

    public override void Fit(AuditRow row)
    {
        if (row.Sha256 is { } sha256)
            _images.Add((sha256, row.Number));
    }

    public override void Merge(Finding other) => _images.AddRange(((ExactDuplicateFinding)other)._images);

    protected override IReadOnlyList<FoundGroup> Find() =>
        [
            .. _images
                .GroupBy(image => image.Sha256, image => image.Number)
                .Where(copies => copies.Skip(1).Any())
                .Select(copies => new FoundGroup("exact", 0, [.. copies.Order()], []))
                .OrderByDescending(group => group.Numbers.Count)
                .ThenBy(group => group.Numbers[0]),
        ];
}
