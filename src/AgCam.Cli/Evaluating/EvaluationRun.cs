using AgCam.Evaluation;
using AgCam.Evaluation.Datasets;
using AgCam.Images;

namespace AgCam.Cli.Evaluating;

/// <summary>Settings of one `agcam evaluate`, without the model.</summary>
internal sealed record EvaluationRun
{
    /// <summary>Null with --merge.</summary>
    public string? Dataset { get; init; }

    public DatasetLayout Layout { get; init; }

    public string? Images { get; init; }

    public required EvaluationOptions Options { get; init; }

    public required ImageLimits Limits { get; init; }

    /// <summary>Images of one forward pass.</summary>
    public required int Batch { get; init; }

    public required Shard Shard { get; init; }

    /// <summary>Follow the paper's evaluation.</summary>
    public bool Preset { get; init; }

    /// <summary>Whether the preset accepts a part of its dataset.</summary>
    public bool Partial { get; init; }

    public bool Quiet { get; init; }
}
