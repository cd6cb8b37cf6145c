using System.Text.Json.Nodes;
using AgCam.Models;
using AgCam.Models.Safetensors;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace AgCam.Testing;

/// <summary>
/// Writes a small DINOv3 with a classifier as timm does: random weights under the names of timm's Eva, and a config.json.
/// </summary>
internal sealed class SomeDinoV3 : IDisposable
{
    public const int Width = 32,
        Depth = 3,
        Heads = 2,
        Classes = 5,
        Prefix = 5,
        Patch = 16;

    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, float[]> _values = [];
    private readonly Dictionary<string, long[]> _shapes = [];

    /// <param name="qkvBias">True for timm's qkvb variants.</param>
    /// <param name="gated">True for the plus sizes, which use SwiGLU.</param>
    public SomeDinoV3(bool qkvBias = false, string? pool = "avg", bool gated = false)
    {
        var random = new Random(7);
        void Add(string name, double middle, double spread, params long[] shape)
        {
            _shapes[name] = shape;
            _values[name] =
            [
                .. Enumerable
                    .Range(0, (int)shape.Aggregate((a, b) => a * b))
                    .Select(_ => (float)(middle + spread * (random.NextDouble() * 2 - 1))),
            ];
        }

        void Norm(string name)
        {
            Add(name + ".weight", 1, 0.3, Width);
            Add(name + ".bias", 0, 0.3, Width);
        }

        void Linear(string name, int outputs, int inputs)
        {
            Add(name + ".weight", 0, 1.7 / Math.Sqrt(inputs), outputs, inputs);
            Add(name + ".bias", 0, 0.3, outputs);
        }

        Add("cls_token", 0, 1, 1, 1, Width);
        Add("reg_token", 0, 1, 1, 4, Width);
        Add("patch_embed.proj.weight", 0, 0.1, Width, 3, Patch, Patch);
        Add("patch_embed.proj.bias", 0, 0.3, Width);
        for (var i = 0; i < Depth; i++)
        {
            Norm($"blocks.{i}.norm1");
            Add($"blocks.{i}.gamma_1", 0.5, 0.5, Width);
            Add($"blocks.{i}.attn.qkv.weight", 0, 3 / Math.Sqrt(Width), 3 * Width, Width);
            if (qkvBias)
            {
                Add($"blocks.{i}.attn.q_bias", 0, 0.5, Width);
                Add($"blocks.{i}.attn.v_bias", 0, 0.5, Width);
            }

            Linear($"blocks.{i}.attn.proj", Width, Width);
            Norm($"blocks.{i}.norm2");
            Add($"blocks.{i}.gamma_2", 0.5, 0.5, Width);
            foreach (var layer in gated ? new[] { "fc1_g", "fc1_x" } : ["fc1"])
                Linear($"blocks.{i}.mlp.{layer}", 4 * Width, Width);
            Linear($"blocks.{i}.mlp.fc2", Width, 4 * Width);
        }

        Norm("norm");
        Linear("head", Classes, Width);
        Write();
        var config = new JsonObject
        {
            ["architecture"] = $"vit_small_{(gated ? "plus_" : "")}patch16_dinov3{(qkvBias ? "_qkvb" : "")}",
            ["num_classes"] = Classes,
            ["num_features"] = Width,
            ["model_args"] = new JsonObject
            {
                ["img_size"] = new JsonArray(48, 64),
                ["embed_dim"] = Width,
                ["depth"] = Depth,
                ["num_heads"] = Heads,
                ["dynamic_img_size"] = true,
            },
            ["pretrained_cfg"] = new JsonObject
            {
                ["input_size"] = new JsonArray(3, 48, 64),
                ["interpolation"] = "bicubic",
                ["crop_pct"] = 1.0,
                ["crop_mode"] = "squash",
                ["mean"] = new JsonArray(0.485, 0.456, 0.406),
                ["std"] = new JsonArray(0.229, 0.224, 0.225),
            },
        };
        if (pool is not null)
            config["global_pool"] = pool;
        File.WriteAllText(_folder["config.json"], config.ToJsonString());
    }

    public string Path => _folder.Path;

    public string this[string file] => _folder[file];

    /// <summary>Replaces the tensors of the folder.</summary>
    public void Change(Action<Dictionary<string, WeightTensor>> change) => Write(change);

    public Checkpoint Open(bool pooled = true) => Checkpoint.Open(Path, new CheckpointOptions { Pooled = pooled });

    public float[] Values(string name) => _values[name];

    /// <summary>Computes the model in float64, independently of the product except for torch's layers.</summary>
    /// <param name="input">[B, 3, H, W]</param>
    public Tensor Logits(Tensor input)
    {
        var (rows, columns) = ((int)input.shape[2] / Patch, (int)input.shape[3] / Patch);
        Tensor W(string name) => tensor(_values[name]).view(_shapes[name]).to(float64);
        Tensor Norm(string name, Tensor t) => F.layer_norm(t, [Width], W(name + ".weight"), W(name + ".bias"), 1e-5);
        Tensor Linear(string name, Tensor t) => F.linear(t, W(name + ".weight"), W(name + ".bias"));

        var patches = F.conv2d(input.to(float64), W("patch_embed.proj.weight"), W("patch_embed.proj.bias"), strides: [Patch, Patch])
            .flatten(2)
            .transpose(1, 2);
        var batch = input.shape[0];
        var x = cat([W("cls_token").expand(batch, -1, -1), W("reg_token").expand(batch, -1, -1), patches], 1);
        for (var i = 0; i < Depth; i++)
        {
            var block = $"blocks.{i}";
            var normed = Norm($"{block}.norm1", x);
            var parts = W($"{block}.attn.qkv.weight")
                .chunk(3)
                .Select(
                    (weight, part) =>
                    {
                        var bias =
                            part == 1 || !_values.ContainsKey($"{block}.attn.q_bias")
                                ? null
                                : W($"{block}.attn.{(part == 0 ? "q" : "v")}_bias");
                        return F.linear(normed, weight, bias).view(batch, -1, Heads, Width / Heads).transpose(1, 2); // [B, H, N, d]
                    }
                )
                .ToArray();
            var (q, k) = (SlowRotation.Of(parts[0], Prefix, rows, columns), SlowRotation.Of(parts[1], Prefix, rows, columns));
            var attended = softmax(q.matmul(k.transpose(-2, -1)) / Math.Sqrt(Width / Heads), -1).matmul(parts[2]);
            x = x + W($"{block}.gamma_1") * Linear($"{block}.attn.proj", attended.transpose(1, 2).flatten(2));
            var inner = Norm($"{block}.norm2", x);
            var hidden = _values.ContainsKey($"{block}.mlp.fc1.weight")
                ? F.gelu(Linear($"{block}.mlp.fc1", inner))
                : Swish(Linear($"{block}.mlp.fc1_g", inner)) * Linear($"{block}.mlp.fc1_x", inner);
            x = x + W($"{block}.gamma_2") * Linear($"{block}.mlp.fc2", hidden);
        }

        return Linear("head", Norm("norm", x).narrow(1, Prefix, rows * columns).mean([1]));
    }

    private static Tensor Swish(Tensor x) => x / (1 + exp(-x));

    public void Dispose() => _folder.Dispose();

    private void Write(Action<Dictionary<string, WeightTensor>>? change = null)
    {
        var tensors = _values.ToDictionary(pair => pair.Key, pair => (WeightTensor)MemoryTensor.FromFloat32(_shapes[pair.Key], pair.Value));
        change?.Invoke(tensors);
        SafetensorsWriter.Write(_folder["model.safetensors"], tensors);
    }
}
