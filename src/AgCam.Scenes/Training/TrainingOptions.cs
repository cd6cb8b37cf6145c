using System.ComponentModel.DataAnnotations;

namespace AgCam.Scenes.Training;

/// <summary>Options of training. The defaults made the shipped weights.</summary>
public sealed record TrainingOptions
{
    /// <summary>Output folder for config.json, model.safetensors, training-log.jsonl and README.md. Created if missing.</summary>
    public required string OutputFolder { get; init; }

    /// <summary>Seed of the training scenes and of the initial weights. Default 1.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>Seed of the scenes that measure accuracy. It must differ from <see cref="Seed"/>. Default 2.</summary>
    public long TestSeed { get; init; } = 2;

    [Range(1, 1_000_000)]
    public int Steps { get; init; } = 11_000;

    [Range(1, 4096)]
    public int BatchSize { get; init; } = 32;

    /// <summary>
    /// Peak learning rate: reached after the warm-up, held until training uses whole scenes, then decayed along a cosine. Default 1e-3.
    /// </summary>
    [Range(1e-6, 1.0)]
    public double LearningRate { get; init; } = 1e-3;

    [Range(0, 100_000)]
    public int WarmupSteps { get; init; } = 200;

    [Range(0.0, 1.0)]
    public double WeightDecay { get; init; } = 0.05;

    [Range(0.0, 0.5)]
    public double LabelSmoothing { get; init; } = 0.05;

    /// <summary>Weight of the patch loss. Its head learns what each patch shows and is discarded after training. Default 1.</summary>
    [Range(0.0, 10.0)]
    public double PatchLossWeight { get; init; } = 1;

    /// <summary>
    /// Share of the training on half of a scene's patches: those with object or watermark, and random ones. The rest uses whole scenes, as
    /// all measurements do. Default 0.5.
    /// </summary>
    [Range(0.0, 1.0)]
    public double SparseShare { get; init; } = 0.5;

    /// <summary>
    /// Number of first steps in which only marked pictures hide their object, so that easier pictures come first
    /// (<see cref="SceneOptions.HiddenShare"/> is 0). Default 2100.
    /// </summary>
    [Range(0, 1_000_000)]
    public int HiddenFromStep { get; init; } = 2_100;

    /// <summary>Folder of an earlier training, whose weights are the start. Null starts from random weights.</summary>
    public string? From { get; init; }

    /// <summary>Number of steps that trained the weights in <see cref="From"/>.</summary>
    [Range(0, 1_000_000)]
    public int FirstStep { get; init; }

    /// <summary>Maximum norm of the gradient. Default 1.</summary>
    [Range(0.01, 100.0)]
    public double GradientClip { get; init; } = 1;

    /// <summary>Width C of a token. Width 128, depth 6 and 4 heads make 1.2 million parameters. Default 128.</summary>
    [Range(16, 512)]
    public int Width { get; init; } = 128;

    [Range(1, 24)]
    public int Depth { get; init; } = 6;

    [Range(1, 16)]
    public int Heads { get; init; } = 4;

    /// <summary>
    /// Whether linear layers and attention run in bfloat16, the rest in float32. Weights are always float32. Default true.
    /// </summary>
    public bool MixedPrecision { get; init; } = true;

    /// <summary>Number of threads of libtorch. One more thread draws scenes. Default 2.</summary>
    [Range(1, 256)]
    public int Threads { get; init; } = 2;

    /// <summary>Number of steps between log lines, each with a checkpoint and the accuracy on 500 scenes. Default 250.</summary>
    [Range(1, 100_000)]
    public int CheckpointEvery { get; init; } = 250;

    /// <summary>Number of scenes of the final measurement. Default 2000.</summary>
    [Range(1, 1_000_000)]
    public int TestScenes { get; init; } = 2_000;

    /// <summary>
    /// Maximum duration of training. The schedule follows the clock when it is ahead of the steps, so the weights then depend on more than
    /// the seed. Null for no limit.
    /// </summary>
    public TimeSpan? TimeLimit { get; init; }
}
