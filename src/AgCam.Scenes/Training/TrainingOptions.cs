using System.ComponentModel.DataAnnotations;

namespace AgCam.Scenes.Training;

/// <summary>How the shipped model is trained. The defaults are the run that made the shipped weights.</summary>
public sealed record TrainingOptions
{
    /// <summary>Folder for config.json, model.safetensors, training-log.jsonl and README.md; made when it is not there.</summary>
    public required string OutputFolder { get; init; }

    /// <summary>Seed of the training scenes and of the initial weights.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>Seed of the scenes that measure accuracy on the way and at the end. It must differ from <see cref="Seed"/>.</summary>
    public long TestSeed { get; init; } = 2;

    [Range(1, 1_000_000)]
    public int Steps { get; init; } = 11_000;

    [Range(1, 4096)]
    public int BatchSize { get; init; } = 32;

    /// <summary>
    /// Peak learning rate, reached at the end of the warm-up, held until the model sees whole scenes, and left along a cosine.
    /// </summary>
    [Range(1e-6, 1.0)]
    public double LearningRate { get; init; } = 1e-3;

    [Range(0, 100_000)]
    public int WarmupSteps { get; init; } = 200;

    [Range(0.0, 1.0)]
    public double WeightDecay { get; init; } = 0.05;

    [Range(0.0, 0.5)]
    public double LabelSmoothing { get; init; } = 0.05;

    /// <summary>Weight of the patch loss: a head that is thrown away after training learns what each patch shows.</summary>
    [Range(0.0, 10.0)]
    public double PatchLossWeight { get; init; } = 1;

    /// <summary>
    /// Share of the training in which the model sees half of a scene's patches: those with object or watermark, and others at random.
    /// The rest of the training is on whole scenes, as all measuring is.
    /// </summary>
    [Range(0.0, 1.0)]
    public double SparseShare { get; init; } = 0.5;

    /// <summary>
    /// Step up to which only the marked pictures hide their object (<see cref="SceneOptions.HiddenShare"/> is 0): the easier ones come
    /// first.
    /// </summary>
    [Range(0, 1_000_000)]
    public int HiddenFromStep { get; init; } = 2_100;

    /// <summary>A folder that training wrote, to go on from its weights; null to start from nothing.</summary>
    public string? From { get; init; }

    /// <summary>Steps that <see cref="From"/> has behind it.</summary>
    [Range(0, 1_000_000)]
    public int FirstStep { get; init; }

    /// <summary>Norm to which the gradient is clipped.</summary>
    [Range(0.01, 100.0)]
    public double GradientClip { get; init; } = 1;

    /// <summary>Token width C; depth and heads. 128, 6 and 4 make 1.2 million parameters.</summary>
    [Range(16, 512)]
    public int Width { get; init; } = 128;

    [Range(1, 24)]
    public int Depth { get; init; } = 6;

    [Range(1, 16)]
    public int Heads { get; init; } = 4;

    /// <summary>Linear layers and attention in bfloat16, the rest in float32. Weights are always kept in float32.</summary>
    public bool MixedPrecision { get; init; } = true;

    /// <summary>Threads of the tensor library. One more thread draws.</summary>
    [Range(1, 256)]
    public int Threads { get; init; } = 2;

    /// <summary>Steps between two log lines, each with a checkpoint and the accuracy on 500 scenes.</summary>
    [Range(1, 100_000)]
    public int CheckpointEvery { get; init; } = 250;

    /// <summary>Scenes of the final measurement.</summary>
    [Range(1, 1_000_000)]
    public int TestScenes { get; init; } = 2_000;

    /// <summary>
    /// Training ends by then with its learning rate brought down as planned: the schedule follows the clock where that is ahead of the
    /// steps, so the weights are then no longer those of the seed alone. Null is no limit.
    /// </summary>
    public TimeSpan? TimeLimit { get; init; }
}
