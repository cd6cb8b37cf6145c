using AgCam.Audit.Findings;

namespace AgCam.Audit;

/// <summary>Runs findings over the rows of a dataset. The rows are read twice and never held together.</summary>
/// <param name="classes">Names of the classes.</param>
/// <param name="findings">Findings without statistics.</param>
/// <param name="top">Maximum number of images that a finding lists. Null lists all.</param>
public sealed class Auditor(ClassNames classes, IReadOnlyList<ImageFinding> findings, int? top)
{
    /// <param name="read">Reads all rows, in the same order each time.</param>
    /// <param name="scored">Called for every row with its scores, one per finding.</param>
    public AuditReport Run(
        Func<IEnumerable<AuditRow>> read,
        Action<AuditRow, IReadOnlyList<ImageScore?>>? scored = null,
        CancellationToken cancellationToken = default
    )
    {
        var (images, labelled) = (0L, 0L);
        foreach (var row in read())
        {
            cancellationToken.ThrowIfCancellationRequested();
            images++;
            labelled += row.Label is null ? 0 : 1;
            foreach (var finding in findings)
                finding.Fit(row);
        }
        var tallies = findings.Select(finding => new Tally(finding, new WorstImages(top), classes)).ToList();
        foreach (var row in read())
        {
            cancellationToken.ThrowIfCancellationRequested();
            var scores = tallies.Select(tally => tally.Add(row)).ToList();
            scored?.Invoke(row, scores);
        }
        return new AuditReport(images, labelled, [.. tallies.Select(tally => tally.Report())]);
    }

    private sealed class Tally(ImageFinding finding, WorstImages worst, ClassNames classes)
    {
        private long _scored;
        private long _count;

        public ImageScore? Add(AuditRow row)
        {
            if (finding.Score(row) is not { } score)
                return null;
            _scored++;
            _count += score.IsIssue ? 1 : 0;
            worst.Add(
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
            );
            return score;
        }

        public FindingReport Report() => new(finding.Name, _scored, _count, finding.Threshold, finding.Rule, worst.Ranked());
    }
}
