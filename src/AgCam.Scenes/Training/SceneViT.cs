using AgCam.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace AgCam.Scenes.Training;

/// <summary>
/// Vision Transformer for training: plain pre-norm, with timm's parameter names. An extra head over the patches exists only in training
/// (idea of token labelling: Jiang et al., NeurIPS 2021, arXiv 2104.10858).
/// </summary>
internal sealed class SceneViT : IDisposable
{
    public const int PatchSize = 8;
    private const int Grid = Scene.Side / PatchSize;
    public const int Patches = Grid * Grid;
    public const int PatchValues = 3 * PatchSize * PatchSize;
    private const double Epsilon = 1e-6;

    private readonly int _width,
        _depth,
        _heads,
        _classes;
    private readonly ScalarType _compute;
    private readonly Dictionary<string, Parameter> _parameters = [];

    public SceneViT(TrainingOptions options, int classes)
    {
        (_width, _depth, _heads, _classes) = (options.Width, options.Depth, options.Heads, classes);
        _compute = options.MixedPrecision ? ScalarType.BFloat16 : ScalarType.Float32;
        manual_seed(options.Seed);
        int c = _width;
        Add("cls_token", 0.02, 1, 1, c);
        _parameters["pos_embed"] = new Parameter(Waves());
        AddLinear("patch_embed.proj", PatchValues, c, 1 / Math.Sqrt(PatchValues));
        var residual = 0.02 / Math.Sqrt(2 * _depth); // a block starts near the identity
        for (var i = 0; i < _depth; i++)
        {
            AddNorm($"blocks.{i}.norm1");
            AddLinear($"blocks.{i}.attn.qkv", c, 3 * c, 0.04);
            QueriesAsKeys($"blocks.{i}.attn.qkv.weight");
            AddLinear($"blocks.{i}.attn.proj", c, c, residual);
            AddNorm($"blocks.{i}.norm2");
            AddLinear($"blocks.{i}.mlp.fc1", c, 4 * c, 0.04);
            AddLinear($"blocks.{i}.mlp.fc2", 4 * c, c, residual);
        }
        AddNorm("norm");
        AddLinear("head", c, classes, 0.02);
        if (options.PatchLossWeight > 0)
            AddLinear(PatchHead, c, classes + 1 + PatchSize * PatchSize, 0.02);
    }

    /// <summary>Head over the patches: classes, background, and coverage of each pixel. It is not written with the model.</summary>
    private const string PatchHead = "patch_head";

    /// <summary>Trained parameters by name.</summary>
    public IReadOnlyDictionary<string, Parameter> Parameters => _parameters;

    /// <summary>Returns the parameters of the plain model, in timm's names and shapes.</summary>
    public IEnumerable<(string Name, Tensor Value)> Plain() =>
        from pair in _parameters
        where !pair.Key.StartsWith(PatchHead, StringComparison.Ordinal)
        let value = pair.Value.detach()
        select (pair.Key, pair.Key == "patch_embed.proj.weight" ? value.view(_width, 3, PatchSize, PatchSize) : value);

    /// <summary>Computes the forward pass.</summary>
    /// <param name="patches">Normalised patches, [B, K, 192]; the order in a patch is channel, row, column.</param>
    /// <param name="places">Token index of each patch, 1 to 144, [B, K].</param>
    /// <returns>Logits of the picture [B, classes], and if requested of its patches [B, K, classes + 1 + 64].</returns>
    public (Tensor Logits, Tensor? PatchLogits) Forward(Tensor patches, Tensor places, bool withPatches)
    {
        long batch = patches.shape[0],
            tokens = 1 + patches.shape[1],
            width = _width;
        var positions = _parameters["pos_embed"].squeeze(0); // [1 + 144, C]
        var x = Add(
            Linear("patch_embed.proj", patches.to(_compute)).to(ScalarType.Float32), // [B, K, C]
            positions.index_select(0, places.view(-1)).view(batch, tokens - 1, width)
        );
        x = cat([Add(_parameters["cls_token"], positions.narrow(0, 0, 1)).expand(batch, 1, width), x], 1); // [B, N, C]
        using Scalar scale = 1 / Math.Sqrt(_width / _heads);
        for (var i = 0; i < _depth; i++)
        {
            var block = $"blocks.{i}.";
            var qkv = Linear(block + "attn.qkv", Norm(block + "norm1", x)) // [B, N, 3 C]
                .view(batch, tokens, 3, _heads, width / _heads)
                .permute(2, 0, 3, 1, 4); // [3, B, H, N, d]
            // Explicit: at this size the fused attention's backward pass takes five times as long in bfloat16.
            var scores = qkv[0].mul(scale).matmul(qkv[1].transpose(-1, -2)); // [B, H, N, N]
            var attended = scores.softmax(-1).matmul(qkv[2]).transpose(1, 2).reshape(batch, tokens, width);
            x = Add(x, Linear(block + "attn.proj", attended));
            x = Add(x, Linear(block + "mlp.fc2", F.gelu(Linear(block + "mlp.fc1", Norm(block + "norm2", x)))));
        }
        x = Norm("norm", x);
        var logits = Linear("head", x.select(1, 0)).to(ScalarType.Float32); // [B, classes]
        var ofPatches = withPatches ? Linear(PatchHead, x.narrow(1, 1, tokens - 1)).to(ScalarType.Float32) : null;
        return (logits, ofPatches);
    }

    /// <summary>Reads the weights of a folder that training wrote. The patch head keeps its values.</summary>
    public void Read(string folder)
    {
        using var still = no_grad();
        using var checkpoint = Checkpoint.Open(folder);
        foreach (var (name, weight) in checkpoint.Weights)
        {
            using var value = tensor(weight.ToFloat32(), _parameters[name].shape);
            _parameters[name].copy_(value);
        }
    }

    /// <summary>Rounds every weight to float16, as it is written.</summary>
    public void RoundToHalf()
    {
        using var still = no_grad();
        foreach (var parameter in _parameters.Values)
            parameter.copy_(parameter.to(ScalarType.Float16).to(ScalarType.Float32));
    }

    public void Dispose()
    {
        foreach (var parameter in _parameters.Values)
            parameter.Dispose();
    }

    // Factor of the sum, kept for the process's lifetime; see AdamW.
    private static readonly Scalar One = 1;

    private static Tensor Add(Tensor x, Tensor y) => x.add(y, One);

    private Tensor Linear(string name, Tensor x) =>
        F.linear(x, _parameters[name + ".weight"].to(_compute), _parameters[name + ".bias"].to(_compute));

    private Tensor Norm(string name, Tensor x) =>
        F.layer_norm(x, [_width], _parameters[name + ".weight"], _parameters[name + ".bias"], Epsilon).to(_compute);

    private void AddLinear(string name, int inputs, int outputs, double deviation)
    {
        Add(name + ".weight", deviation, outputs, inputs);
        Add(name + ".bias", 0, outputs);
    }

    private void AddNorm(string name)
    {
        _parameters[name + ".weight"] = new Parameter(ones(_width));
        Add(name + ".bias", 0, _width);
    }

    // Queries start equal to keys, so a patch first attends to similar patches (idea of mimetic initialisation: Trockman and Kolter, ICML
    // 2023, arXiv 2305.09828). With smaller batches, the first shapes were learned sooner.
    private void QueriesAsKeys(string name)
    {
        using var still = no_grad();
        var weight = _parameters[name]; // [3 C, C]
        weight.narrow(0, 0, 2 * _width).mul_(1.75);
        weight.narrow(0, 0, _width).copy_(weight.narrow(0, _width, _width));
    }

    // Position embeddings start as waves of 2 to 40 patches in both directions, so that near positions are similar. They are trained like
    // other weights.
    private Tensor Waves()
    {
        var values = new float[(1 + Patches) * _width];
        var waves = _width / 4;
        for (var p = 0; p < Patches; p++)
        for (var w = 0; w < waves; w++)
        {
            var length = 2 * Math.Pow(20, (double)w / (waves - 1));
            double x = 2 * Math.PI * (p % Grid) / length,
                y = 2 * Math.PI * (p / Grid) / length;
            double[] four = [Math.Sin(x), Math.Cos(x), Math.Sin(y), Math.Cos(y)];
            for (var i = 0; i < 4; i++)
                values[(1 + p) * _width + i * waves + w] = (float)(0.5 * four[i]);
        }
        return tensor(values, [1, 1 + Patches, _width]);
    }

    // Normal distribution, clamped at two standard deviations.
    private void Add(string name, double deviation, params long[] shape) =>
        _parameters[name] = new Parameter(deviation == 0 ? zeros(shape) : (randn(shape) * deviation).clamp(-2 * deviation, 2 * deviation));
}
