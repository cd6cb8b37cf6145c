using System.Diagnostics;
using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace AgCam.Scenes.Training;

/// <summary>Trains the shipped model on scenes that are drawn during training. No scene is used twice.</summary>
public static class SceneTrainer
{
    // Weight of the coverage loss: most pixels are background and learned early. The scalar is kept for the process's lifetime; see AdamW.
    private static readonly Scalar CoverageWeight = 3;
    private static readonly SceneOptions Easier = new() { HiddenShare = 0 };
    private const float BackgroundWeight = 0.3f; // most patches are background

    /// <summary>
    /// Trains a new model and writes its folder. Cancellation ends the training early and keeps the weights. The native backend must be
    /// loaded.
    /// </summary>
    /// <param name="log">Receives one line of text at a time.</param>
    public static TrainingResult Train(TrainingOptions options, Action<string> log, CancellationToken cancellationToken = default)
    {
        if (options.Seed == options.TestSeed)
            throw new ArgumentException(
                $"Training and test scenes have the same seed {options.Seed}. Give them different seeds.",
                nameof(options)
            );
        GlibcHeap.KeepMemory();
        set_num_threads(options.Threads);
        using var model = new SceneViT(options, SceneClass.Count);
        if (options.From is { } from)
            model.Read(from);
        var folder = new TrainedFolder(options, model);
        log($"{folder.ParameterCount:N0} parameters, {options.Steps:N0} steps of {options.BatchSize} scenes, {options.Threads} threads");

        var optimizer = new AdamW(model.Parameters.Values, options.WeightDecay, options.GradientClip);
        using var patchWeights = tensor([.. Enumerable.Repeat(1f, SceneClass.Count), BackgroundWeight]);
        var clock = Stopwatch.StartNew();
        double Progress(int at) => Math.Max((double)at / options.Steps, options.TimeLimit is { } limit ? clock.Elapsed / limit : 0);
        (int, int, SceneOptions) Plan(int at) =>
            (at, Kept(options, Progress(at)), at < options.HiddenFromStep ? Easier : new SceneOptions());
        var step = options.FirstStep;
        double loss = 0,
            right = 0,
            seen = 0;
        foreach (
            var batch in SceneBatch.DrawAhead(
                options.Seed,
                options.BatchSize,
                Enumerable.Range(step, options.Steps - step).Select(Plan),
                CancellationToken.None
            )
        )
        {
            var progress = Progress(step);
            if (progress >= 1 || cancellationToken.IsCancellationRequested)
                break;
            var (batchLoss, batchRight) = Backward(model, optimizer, batch, options, patchWeights);
            if (!double.IsFinite(batchLoss))
                throw new InvalidOperationException(
                    $"The loss is {batchLoss} at step {step}. Lower the learning rate ({options.LearningRate})."
                );
            optimizer.Step(LearningRate(options, step, progress));
            (loss, right, seen) = (loss + batchLoss * batch.Size, right + batchRight, seen + batch.Size);
            if (++step % options.CheckpointEvery != 0)
                continue;
            var accuracy = Accuracy(model, options.TestSeed, 500);
            var entry = new TrainingLogEntry(
                step,
                (long)step * options.BatchSize,
                Math.Round(clock.Elapsed.TotalSeconds, 1),
                Math.Round(loss / seen, 4),
                Math.Round(right / seen, 4),
                accuracy
            );
            folder.Checkpoint(entry);
            log(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"step {step} of {options.Steps}  {clock.Elapsed:hh\\:mm\\:ss}  "
                        + $"{(step - options.FirstStep) * options.BatchSize / clock.Elapsed.TotalSeconds:F0} "
                        + $"scenes/s  loss {entry.Loss:F3}  accuracy "
                        + $"{entry.TrainAccuracy:P1}, on fresh scenes {accuracy:P1}"
                )
            );
            (loss, right, seen) = (0, 0, 0);
        }
        var elapsed = clock.Elapsed;
        folder.WriteModel(); // as float16, before the final measurement, so that the shipped weights are measured
        model.RoundToHalf();
        var result = new TrainingResult(
            step,
            (long)step * options.BatchSize,
            elapsed,
            folder.ParameterCount,
            options.TestScenes,
            Accuracy(model, options.TestSeed, options.TestScenes)
        );
        folder.Finish(result);
        log(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{result.Steps} steps, {result.Scenes:N0} scenes in {elapsed:hh\\:mm\\:ss}: {result.Accuracy:P2} right of "
                    + $"{result.TestScenes} fresh scenes"
            )
        );
        return result;
    }

    // A step on half of the patches takes less than half of the time.
    private static int Kept(TrainingOptions options, double progress) =>
        progress < options.SparseShare ? SceneViT.Patches / 2 : SceneViT.Patches;

    // Whole scenes are new to the model, so the cosine decay starts only with them.
    private static double LearningRate(TrainingOptions options, int step, double progress)
    {
        var warm = Math.Min((step - options.FirstStep + 1.0) / Math.Max(1, options.WarmupSteps), 1);
        var whole = options.SparseShare < 1 ? Math.Max(0, (progress - options.SparseShare) / (1 - options.SparseShare)) : 0;
        return options.LearningRate * warm * (0.01 + 0.99 * 0.5 * (1 + Math.Cos(Math.PI * whole)));
    }

    private static (double Loss, double Right) Backward(
        SceneViT model,
        AdamW optimizer,
        SceneBatch batch,
        TrainingOptions options,
        Tensor patchWeights
    )
    {
        using var scope = NewDisposeScope();
        using Scalar patchLossWeight = options.PatchLossWeight;
        var classes = tensor(batch.Classes);
        var (logits, ofPatches) = model.Forward(
            Input(batch),
            tensor(batch.Tokens, [batch.Size, batch.Kept]),
            withPatches: options.PatchLossWeight > 0
        );
        var loss = F.cross_entropy(logits, classes, label_smoothing: options.LabelSmoothing);
        if (ofPatches is not null)
            loss = loss.add(PatchLoss(ofPatches, batch, patchWeights), patchLossWeight);
        optimizer.ZeroGradients();
        loss.backward();
        return (loss.item<float>(), logits.argmax(1).eq(classes).sum().item<long>());
    }

    // Loss of the patch head: the class of each patch, and which of its pixels show the object.
    private static Tensor PatchLoss(Tensor logits, SceneBatch batch, Tensor patchWeights)
    {
        const int Pixels = SceneViT.PatchSize * SceneViT.PatchSize;
        var classes = SceneClass.Count + 1;
        var shows = F.cross_entropy(
            logits.narrow(2, 0, classes).reshape(-1, classes),
            tensor(batch.PatchClasses),
            patchWeights,
            ignore_index: SceneBatch.Ignored
        );
        var covered = F.binary_cross_entropy_with_logits(
            logits.narrow(2, classes, Pixels),
            tensor(batch.Coverage, [batch.Size, batch.Kept, Pixels]),
            tensor(batch.Dense, [batch.Size, 1, 1])
        );
        return shows.add(covered, CoverageWeight);
    }

    private static double Accuracy(SceneViT model, long seed, int scenes)
    {
        long right = 0;
        for (var first = 0; first < scenes; first += 100)
        {
            using var scope = NewDisposeScope();
            using var still = no_grad();
            var batch = SceneBatch.Draw(seed, first, Math.Min(100, scenes - first));
            var (logits, _) = model.Forward(Input(batch), tensor(batch.Tokens, [batch.Size, batch.Kept]), withPatches: false);
            right += logits.argmax(1).eq(tensor(batch.Classes)).sum().item<long>();
        }
        return (double)right / scenes;
    }

    private static Tensor Input(SceneBatch batch) => tensor(batch.Patches, [batch.Size, batch.Kept, SceneViT.PatchValues]);
}
