using AgCam.Models;
using AgCam.Native;
using AgCam.Scenes.Training;
using Xunit;
using static TorchSharp.torch;

namespace AgCam.Scenes.Tests;

public sealed class TrainingTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("agcam-training-");

    public TrainingTests() => NativeBackend.Load();

    public void Dispose() => _folder.Delete(recursive: true);

    private TrainingOptions Small =>
        new()
        {
            OutputFolder = _folder.FullName,
            Steps = 24,
            BatchSize = 16,
            Width = 32,
            Depth = 2,
            Heads = 2,
            Threads = 1,
            MixedPrecision = false,
            WarmupSteps = 4,
            CheckpointEvery = 12,
            TestScenes = 20,
        };

    [Fact]
    public void Written_model_computes_the_trained_results()
    {
        using var model = new SceneViT(Small, SceneClass.Count);
        model.RoundToHalf();
        new TrainedFolder(Small, model).WriteModel();
        var batch = SceneBatch.Draw(5, 0, 6);
        float[] trained;
        using (NewDisposeScope())
        using (no_grad())
        {
            var patches = tensor(batch.Patches, [6, SceneViT.Patches, SceneViT.PatchValues]);
            trained = model
                .Forward(patches, tensor(batch.Tokens, [6, SceneViT.Patches]), withPatches: false)
                .Logits.data<float>()
                .ToArray();
        }

        using var checkpoint = Checkpoint.Open(_folder.FullName);
        using var explainer = new Explainer(checkpoint, new ExplainerOptions { Device = "cpu" });
        var read = Enumerable.Range(0, 6).SelectMany(i => explainer.Explain(Scene.Draw(5, i).Image).Logits).ToArray();
        Assert.Equal(trained.Length, read.Length);
        Assert.All(trained.Zip(read), pair => Assert.Equal(pair.First, pair.Second, 1e-4f));
        Assert.True(trained.Max() - trained.Min() > 1e-3f, "all logits are equal, so the test compares nothing");
    }

    [Fact]
    public void Training_lowers_the_loss_and_logs_progress()
    {
        var lines = new List<string>();
        var result = SceneTrainer.Train(Small, lines.Add, TestContext.Current.CancellationToken);
        var log = File.ReadAllLines(Path.Combine(_folder.FullName, "training-log.jsonl"))
            .Select(line => System.Text.Json.JsonDocument.Parse(line).RootElement)
            .ToArray();
        Assert.Equal(3, log.Length); // two checkpoints and the result
        Assert.True(log[1].GetProperty("loss").GetDouble() < log[0].GetProperty("loss").GetDouble(), $"{log[0]} {log[1]}");
        Assert.Equal((24, 24L * 16), (result.Steps, result.Scenes));
        Assert.Contains("fresh scenes", File.ReadAllText(Path.Combine(_folder.FullName, "README.md")), StringComparison.Ordinal);
        Assert.Equal(4, lines.Count);
    }

    [Fact]
    public void Training_resumes_from_a_folder()
    {
        SceneTrainer.Train(Small with { Steps = 12 }, _ => { }, TestContext.Current.CancellationToken);
        var folder = _folder.CreateSubdirectory("further");
        using var further = new SceneViT(Small with { Seed = 9 }, SceneClass.Count);
        further.Read(_folder.FullName);
        using var checkpoint = Checkpoint.Open(_folder.FullName);
        foreach (var (name, value) in further.Plain())
            Assert.Equal(checkpoint.Weights[name].ToFloat32(), value.contiguous().data<float>().ToArray());

        var result = SceneTrainer.Train(
            Small with
            {
                OutputFolder = folder.FullName,
                From = _folder.FullName,
                FirstStep = 12,
            },
            _ => { },
            TestContext.Current.CancellationToken
        );
        Assert.Equal(24, result.Steps);
        Assert.Equal(4, File.ReadLines(Path.Combine(folder.FullName, "training-log.jsonl")).Count()); // a checkpoint and a result of each
    }

    [Fact]
    public void Measuring_on_the_training_scenes_is_refused() =>
        Assert.Contains(
            "seed 2",
            Assert
                .Throws<ArgumentException>(() =>
                    SceneTrainer.Train(Small with { Seed = 2, TestSeed = 2 }, _ => { }, TestContext.Current.CancellationToken)
                )
                .Message,
            StringComparison.Ordinal
        );

    [Fact]
    public void Half_of_the_patches_still_show_the_whole_object()
    {
        const int Kept = SceneViT.Patches / 2,
            Count = 40;
        var (whole, half) = (SceneBatch.Draw(6, 0, Count), SceneBatch.Draw(6, 0, Count, Kept));
        for (var i = 0; i < Count; i++)
        {
            var tokens = half.Tokens.AsSpan(i * Kept, Kept).ToArray();
            Assert.Equal(Kept, tokens.Distinct().Count());
            Assert.Equal(Covered(whole, i), Covered(half, i), 1e-3);
            for (var k = 0; k < Kept; k++)
                Assert.Equal(
                    whole
                        .Patches.AsSpan((i * SceneViT.Patches + (int)tokens[k] - 1) * SceneViT.PatchValues, SceneViT.PatchValues)
                        .ToArray(),
                    half.Patches.AsSpan((i * Kept + k) * SceneViT.PatchValues, SceneViT.PatchValues).ToArray()
                );
        }

        static double Covered(SceneBatch batch, int i) =>
            batch.Coverage.Skip(i * batch.Kept * 64).Take(batch.Kept * 64).Sum(share => (double)share);
    }

    [Fact]
    public void Clipped_AdamW_follows_its_definition()
    {
        using var weight = new TorchSharp.Modules.Parameter(tensor([1f, 2f, 3f, 4f, 5f, 6f], [2, 3]));
        var optimizer = new AdamW([weight], weightDecay: 0.1, clip: 1);
        using (var loss = (weight * tensor([3f, 0f, 4f, 0f, 0f, 0f], [2, 3])).sum())
            loss.backward(); // norm 5, clipped to 0.6 and 0.8
        optimizer.Step(0.01);
        // The first step moves every weight with a gradient by the learning rate, after the decay.
        float[] expected = [1 * 0.999f - 0.01f, 2 * 0.999f, 3 * 0.999f - 0.01f, 4 * 0.999f, 5 * 0.999f, 6 * 0.999f];
        Assert.All(expected.Zip(weight.data<float>().ToArray()), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
    }
}
