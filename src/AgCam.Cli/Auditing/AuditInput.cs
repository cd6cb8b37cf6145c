using AgCam.Audit;
using AgCam.Audit.Predictions;
using AgCam.Audit.Stored;
using AgCam.Pipeline.Records;

namespace AgCam.Cli.Auditing;

/// <summary>What an audit reads: the explanations of a job, or probabilities from a file.</summary>
/// <param name="Model">Name of the model, or the file with its predictions.</param>
/// <param name="Classes">Classes of the model.</param>
/// <param name="ReadAsync">Reads all rows.</param>
internal sealed record AuditInput(string Model, ClassNames Classes, Func<IAsyncEnumerable<AuditRow>> ReadAsync)
{
    private readonly Func<LabelCounts> _labels = () => new LabelCounts(new ClassNames(1));
    private readonly Func<long> _failed = () => 0;

    /// <summary>Findings that the input can have; null for all.</summary>
    public IReadOnlyList<string>? Findings { get; private init; }

    /// <summary>Weights of the model's classifier; null for probabilities from a file.</summary>
    public ClassifierRows? Rows { get; private init; }

    /// <summary>Job whose explanations are read; null for probabilities from a file.</summary>
    public Guid? Job { get; private init; }

    /// <summary>What is audited: the source of the job, or the file with the predictions.</summary>
    public required string Source { get; init; }

    /// <summary>Counts of the labels, after the rows were read.</summary>
    public LabelCounts Labels => _labels();

    /// <summary>Number of images without an explanation, after the rows were read.</summary>
    public long Failed => _failed();

    public static AuditInput Of(LabelledProbabilities rows, string file) =>
        new(rows, file) { Findings = ["label", "confusion"], Source = file };

    /// <param name="classifier">See <see cref="Rows"/>.</param>
    public static AuditInput Of(JobRows rows, Job job, ClassNames classes, ClassifierRows classifier) =>
        new(rows, classes, job.Spec.Model.Id)
        {
            Job = job.Id,
            Rows = classifier,
            Source = job.Spec.Source,
        };

    private AuditInput(LabelledProbabilities rows, string file)
        : this(file, rows.Classes, () => rows.Read().ToAsyncEnumerable()) => _labels = () => rows.Labels;

    private AuditInput(JobRows rows, ClassNames classes, string model)
        : this(model, classes, () => rows.ReadAsync()) => (_labels, _failed) = (() => rows.Labels, () => rows.Failed);
}
