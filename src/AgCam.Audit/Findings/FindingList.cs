namespace AgCam.Audit.Findings;

/// <summary>All findings, in the order of a report.</summary>
public static class FindingList
{
    /// <summary>Names of all findings.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Create(1).Select(finding => finding.Name)];

    /// <summary>Names of the findings whose classes an intervention can confirm.</summary>
    public static IReadOnlyList<string> Confirmable { get; } =
    [
        .. Create(1)
            .Where(finding => finding is FixedPositionFinding || (finding as ImageFinding)?.Patches(1, 1) is not null)
            .Select(finding => finding.Name),
    ];

    /// <summary>Returns new findings without statistics.</summary>
    /// <param name="classes">Number of classes.</param>
    /// <param name="labelThreshold">See <see cref="LabelFinding"/>.</param>
    /// <param name="names">Findings to return; null returns all.</param>
    /// <param name="rows">See <see cref="ClustersFinding"/>.</param>
    /// <exception cref="AuditException">A name is not known.</exception>
    public static IReadOnlyList<Finding> Create(
        int classes,
        double labelThreshold = 0.2,
        IReadOnlyCollection<string>? names = null,
        ClassifierRows? rows = null
    )
    {
        GroupFinding[] copies = [new ExactDuplicateFinding(), new ReEncodedDuplicateFinding(), new NearDuplicateFinding()];
        List<Finding> all =
        [
            new LabelFinding(classes, labelThreshold),
            .. copies,
            new SplitLeakFinding(copies, [.. copies.Where(finding => names is not null && !names.Contains(finding.Name))]),
            PictureFinding.Dark(),
            PictureFinding.Bright(),
            PictureFinding.Blurry(),
            PictureFinding.Aspect(),
            PictureFinding.LowInformation(),
            MapFinding.Border(),
            MapFinding.Corner(),
            MapFinding.Diffuse(),
            MapFinding.SeveralObjects(),
            MapFinding.ObjectSize(),
            new BackgroundFinding(),
            new AnnotationFinding(),
            new AtypicalFinding(),
            new FixedPositionFinding(),
            new ClustersFinding(classes, rows),
            new PropertyFinding(),
            new ConfusionFinding(classes),
            new SliceFinding(),
        ];
        if (names?.FirstOrDefault(name => all.TrueForAll(finding => finding.Name != name)) is { } unknown)
            throw new AuditException(
                $"There is no finding \"{unknown}\". Findings: {string.Join(", ", all.Select(finding => finding.Name))}."
            );
        return names is null ? all : all.FindAll(finding => names.Contains(finding.Name));
    }
}
