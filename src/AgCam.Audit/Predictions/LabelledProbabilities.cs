namespace AgCam.Audit.Predictions;

/// <summary>Rows of an audit without a model: probabilities and given labels from files.</summary>
public sealed class LabelledProbabilities
{
    private readonly ProbabilityTable _probabilities;
    private readonly GivenLabels? _labels;

    /// <param name="labels">Given labels; null takes the label column of <paramref name="probabilities"/>.</param>
    /// <param name="classNames">Class names; null takes those of <paramref name="probabilities"/>.</param>
    /// <exception cref="AuditException">There are no labels, or the names do not fit.</exception>
    public LabelledProbabilities(ProbabilityTable probabilities, GivenLabels? labels, IReadOnlyList<string>? classNames)
    {
        if (labels is null && !probabilities.HasLabels)
            throw new AuditException("The probabilities have no label column. Name a file with the labels.");
        if (classNames is not null && classNames.Count != probabilities.Classes)
            throw new AuditException($"{classNames.Count} class names were given for {probabilities.Classes} classes.");
        (_probabilities, _labels) = (probabilities, labels);
        Classes = new ClassNames(probabilities.Classes, classNames ?? probabilities.ClassNames);
        Labels = new LabelCounts(Classes);
    }

    public ClassNames Classes { get; }

    /// <summary>Counts of the labels, after a pass over all rows.</summary>
    public LabelCounts Labels { get; private set; }

    /// <summary>Reads all rows, in the same order each time.</summary>
    /// <exception cref="AuditException">A row is broken, or labels and probabilities differ in number.</exception>
    public IEnumerable<AuditRow> Read()
    {
        Labels = new LabelCounts(Classes);
        var count = 0L;
        foreach (var row in _probabilities.Read())
        {
            count++;
            if (_labels?.Count < count)
                continue;
            var probabilities = new ClassProbabilities(row.Probabilities);
            var given = _labels is null ? row.Label : _labels.Find(row.Number, row.Path);
            yield return new AuditRow(row.Number, row.Path)
            {
                Label = Labels.Resolve(given, probabilities.Predicted),
                Probabilities = probabilities,
            };
        }
        if (_labels?.Count is { } labels && labels != count)
            throw new AuditException(
                $"There are {count} rows of probabilities and {labels} labels. Give both for the same images, in the same order."
            );
    }
}
