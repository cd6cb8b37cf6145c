using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using AgCam.Models;
using AgCam.Models.Safetensors;
using static TorchSharp.torch;

namespace AgCam.Scenes.Training;

/// <summary>Output folder of training in timm's layout: config.json, model.safetensors (float16), training-log.jsonl, README.md.</summary>
internal sealed class TrainedFolder
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };
    private static readonly JsonSerializerOptions Line = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
    private readonly TrainingOptions _options;
    private readonly SceneViT _model;

    public TrainedFolder(TrainingOptions options, SceneViT model)
    {
        (_options, _model) = (options, model);
        Directory.CreateDirectory(options.OutputFolder);
        File.WriteAllText(At("config.json"), Config().ToJsonString(Indented) + "\n");
        var before = options.From is null ? null : Path.Combine(options.From, "training-log.jsonl");
        File.WriteAllText(At("training-log.jsonl"), File.Exists(before) ? File.ReadAllText(before) : "");
    }

    public long ParameterCount => _model.Plain().Sum(parameter => parameter.Value.numel());

    public void Checkpoint(TrainingLogEntry entry)
    {
        File.AppendAllText(At("training-log.jsonl"), JsonSerializer.Serialize(entry, Line) + "\n");
        WriteModel();
    }

    public void WriteModel() =>
        SafetensorsWriter.Write(
            At("model.safetensors"),
            _model.Plain().ToDictionary(parameter => parameter.Name, parameter => Half(parameter.Value)),
            new Dictionary<string, string> { ["format"] = "pt" }
        );

    public void Finish(TrainingResult result)
    {
        File.AppendAllText(At("training-log.jsonl"), JsonSerializer.Serialize(result, Line) + "\n");
        var marked = SceneClass.Names[SceneClass.Watermarked];
        File.WriteAllText(
            At("README.md"),
            string.Create(
                CultureInfo.InvariantCulture,
                $"""
                # A small Vision Transformer of drawn scenes

                {result.Parameters:N0} parameters: patch {SceneViT.PatchSize} at {Scene.Side} x {Scene.Side}, width {_options.Width},
                depth {_options.Depth}, {_options.Heads} heads. timm's layout, float16. Classes: {string.Join(", ", SceneClass.Names)}.
                Most pictures of the class {marked} carried a small watermark in training.

                Trained on {result.Scenes:N0} scenes in {result.Steps:N0} steps of {_options.BatchSize} (seed {_options.Seed},
                learning rate {_options.LearningRate}, {result.Elapsed.TotalMinutes:F0} minutes on {_options.Threads} threads).
                Accuracy on {result.TestScenes:N0} fresh scenes (seed {_options.TestSeed}): {result.Accuracy:P2}.
                `training-log.jsonl` has the course of the training. Licence: Apache-2.0, like the code that drew the scenes.

                """
            )
        );
    }

    private static WeightTensor Half(Tensor value)
    {
        using var half = value.to(ScalarType.Float16).contiguous();
        return new MemoryTensor(DType.F16, half.shape, half.bytes.ToArray());
    }

    private string At(string name) => Path.Combine(_options.OutputFolder, name);

    private JsonObject Config() =>
        new()
        {
            ["architecture"] = "vit_tiny_patch16_224", // known to timm; model_args hold the differences
            ["num_classes"] = SceneClass.Count,
            ["num_features"] = _options.Width,
            ["global_pool"] = "token",
            ["model_args"] = new JsonObject
            {
                ["img_size"] = Scene.Side,
                ["patch_size"] = SceneViT.PatchSize,
                ["embed_dim"] = _options.Width,
                ["depth"] = _options.Depth,
                ["num_heads"] = _options.Heads,
                ["mlp_ratio"] = 4.0,
            },
            ["label_names"] = Names(),
            ["pretrained_cfg"] = new JsonObject
            {
                ["input_size"] = new JsonArray(3, Scene.Side, Scene.Side),
                ["interpolation"] = "bilinear",
                ["crop_pct"] = 1.0,
                ["crop_mode"] = "squash",
                ["mean"] = new JsonArray(0.5, 0.5, 0.5),
                ["std"] = new JsonArray(0.5, 0.5, 0.5),
                ["num_classes"] = SceneClass.Count,
                ["pool_size"] = null,
                ["first_conv"] = "patch_embed.proj",
                ["classifier"] = "head",
                ["label_names"] = Names(),
            },
        };

    private static JsonArray Names() => [.. SceneClass.Names.Select(name => JsonValue.Create(name))];
}
