using System.ComponentModel.DataAnnotations;
using AgCam.Attribution;
using AgCam.Evaluation;
using AgCam.Evaluation.Datasets;
using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Records;

/// <summary>
/// Settings of a job that evaluates heatmaps on a labelled dataset. The dataset is the job's source; the threshold is the job's.
/// </summary>
public sealed record EvaluationSpec
{
    /// <summary>
    /// Value of <see cref="JobSpec.Method"/> and of the chunks' messages. A worker without evaluation support pauses the job.
    /// </summary>
    public const string Method = "evaluation";

    /// <summary>Prefix of <see cref="JobSpec.Source"/>, before the dataset's path.</summary>
    public const string Source = "dataset:";

    /// <summary>Layout of the dataset on disk. Default: detected.</summary>
    public DatasetLayout Layout { get; init; }

    /// <summary>Folder of the images, when they are not beside the annotations.</summary>
    public string? Images { get; init; }

    /// <summary>Names of attribution methods, in the order of the result's rows.</summary>
    public IReadOnlyList<string> Methods { get; init; } = [];

    public IReadOnlyList<MetricFamily> Metrics { get; init; } = [];

    public Parity Parity { get; init; }

    /// <summary>
    /// Number of images per forward pass. A chunk holds whole batches cut from the whole dataset, so results do not depend on which worker
    /// computes it. Default 8.
    /// </summary>
    [Range(1, ExplainImages.MaxReferences)]
    public int Batch { get; init; } = 8;

    /// <summary>Number of masked images per forward pass. Default 20.</summary>
    [Range(1, 4096)]
    public int MaskedBatch { get; init; } = 20;

    /// <summary>Returns the evaluator's options.</summary>
    /// <param name="threshold">Threshold of the job, 0 to 1.</param>
    /// <exception cref="ArgumentException">A method is unknown.</exception>
    public EvaluationOptions Options(double threshold) =>
        new()
        {
            Methods = AttributionMethod.Select(Methods),
            Families = Metrics,
            Threshold = threshold,
            Parity = Parity,
            MaskedBatch = MaskedBatch,
        };

    /// <summary>Returns whether an image costs about the same under both specs.</summary>
    public bool CostsAs(EvaluationSpec other) =>
        Methods.SequenceEqual(other.Methods)
        && Metrics.SequenceEqual(other.Metrics)
        && Batch == other.Batch
        && MaskedBatch == other.MaskedBatch;

    /// <summary>Checks the spec. Returns the invalid fields; empty when the spec is valid.</summary>
    public IReadOnlyList<FieldProblem> Check()
    {
        var problems = new List<FieldProblem>();
        void Require(bool holds, string field, string problem)
        {
            if (!holds)
                problems.Add(new FieldProblem($"evaluation.{field}", problem));
        }

        Require(Enum.IsDefined(Layout), "layout", $"must be one of {string.Join(", ", Enum.GetNames<DatasetLayout>())}");
        Require(Enum.IsDefined(Parity), "parity", $"must be one of {string.Join(", ", Enum.GetNames<Parity>())}");
        Require(
            Images is null or { Length: >= 1 and <= ExplainImagesRules.MaxUri },
            "images",
            $"must have 1 to {ExplainImagesRules.MaxUri} characters"
        );
        Require(
            Methods is { Count: >= 1 }
                && Methods.Distinct().Count() == Methods.Count
                && Methods.All(name => AttributionMethod.Measured.Any(method => method.Name == name)),
            "methods",
            $"must be some of {string.Join(", ", AttributionMethod.Measured.Select(method => method.Name))}, each once"
        );
        Require(
            Metrics is { Count: >= 1 }
                && Metrics.SequenceEqual(Metrics.Distinct().Order())
                && Metrics.All(family => Enum.IsDefined(family)),
            "metrics",
            $"must be some of {string.Join(", ", Enum.GetNames<MetricFamily>())}, each once and in this order"
        );
        Require(
            Batch is >= 1 and <= ExplainImages.MaxReferences,
            "batch",
            $"must be from 1 to {ExplainImages.MaxReferences}, the images of a chunk"
        );
        Require(MaskedBatch is >= 1 and <= 4096, "maskedBatch", "must be from 1 to 4096");
        return problems;
    }
}
