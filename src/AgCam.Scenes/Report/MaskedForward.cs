using AgCam.Models;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace AgCam.Scenes.Report;

/// <summary>Explicit forward pass of the scenes' model, in which chosen tokens cannot attend to chosen others in any block.</summary>
internal sealed class MaskedForward : IDisposable
{
    private readonly ViTConfig _config;
    private readonly Dictionary<string, Tensor> _weights;

    public MaskedForward(Checkpoint checkpoint)
    {
        _config = checkpoint.Config;
        _weights = checkpoint.Weights.ToDictionary(pair => pair.Key, pair => tensor(pair.Value.ToFloat32(), pair.Value.Shape.ToArray()));
    }

    /// <summary>Computes the forward pass.</summary>
    /// <param name="input">Normalised pixels, [B, 3, H, W].</param>
    /// <param name="hidden">1 where a token (row) may not attend to another (column), otherwise 0, [B, N, N]. Null hides nothing.</param>
    /// <returns>Logits [B, classes], and for every block the class token's attention weights, mean over heads, [B, N].</returns>
    public (Tensor Logits, List<Tensor> Attention) Run(Tensor input, Tensor? hidden)
    {
        long batch = input.shape[0],
            c = _config.Width,
            d = _config.HeadWidth;
        var attention = new List<Tensor>();
        var mask = hidden is null ? null : hidden.unsqueeze(1) * -1e9f; // [B, 1, N, N]
        var x = F.conv2d(
            input,
            _weights["patch_embed.proj.weight"],
            _weights["patch_embed.proj.bias"],
            strides: [_config.PatchSize, _config.PatchSize]
        );
        x = cat([_weights["cls_token"].expand(batch, 1, c), x.flatten(2).transpose(1, 2)], 1) + _weights["pos_embed"]; // [B, N, C]
        for (var i = 0; i < _config.Depth; i++)
        {
            var block = $"blocks.{i}.";
            var qkv = Linear(block + "attn.qkv", Norm(block + "norm1", x))
                .view(batch, _config.Tokens, 3, _config.Heads, d)
                .permute(2, 0, 3, 1, 4);
            var scores = qkv[0].matmul(qkv[1].transpose(-1, -2)) / Math.Sqrt(d); // [B, H, N, N]
            var weights = (mask is null ? scores : scores + mask).softmax(-1);
            attention.Add(weights.select(2, 0).mean([1]));
            x = x + Linear(block + "attn.proj", weights.matmul(qkv[2]).transpose(1, 2).flatten(2));
            x = x + Linear(block + "mlp.fc2", F.gelu(Linear(block + "mlp.fc1", Norm(block + "norm2", x))));
        }
        return (Linear("head", Norm("norm", x).select(1, 0)), attention);
    }

    public void Dispose()
    {
        foreach (var weight in _weights.Values)
            weight.Dispose();
    }

    private Tensor Linear(string name, Tensor x) => F.linear(x, _weights[name + ".weight"], _weights[name + ".bias"]);

    private Tensor Norm(string name, Tensor x) =>
        F.layer_norm(x, [_config.Width], _weights[name + ".weight"], _weights[name + ".bias"], _config.LayerNormEpsilon);
}
