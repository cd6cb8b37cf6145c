using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace AgCam.Models;

/// <summary>
/// Computes a pre-norm Vision Transformer whose head reads the class token (and the distillation token), or the mean of the patches. Token
/// order: [class][distillation][registers...][patches]. The model is immutable and thread-safe.
/// </summary>
public sealed class VisionTransformer : IDisposable
{
    private readonly Tensor _prefix; // [1, P, C]: class token, distillation token, registers, with their positions if any
    private readonly Tensor? _positions; // [1, patches, C]; null with rotary positions
    private readonly RotaryPositions? _rope;
    private readonly Tensor _patchWeight; // [C, 3, p, p]
    private readonly Tensor? _patchBias;
    private readonly LayerNorm? _normPre;
    private readonly LayerNorm _norm;
    private readonly Linear _head;
    private readonly Linear? _headDist;

    /// <param name="config">Configuration as stored.</param>
    /// <param name="weights">Returns a weight by timm's name, on the CPU, of any floating dtype. Weights are copied.</param>
    /// <param name="device">Device of the computation.</param>
    /// <param name="dtype">float32, bfloat16 or float16.</param>
    /// <param name="input">Input size in pixels; null uses the stored one. Position embeddings are resized to it.</param>
    public VisionTransformer(
        ViTConfig config,
        Func<string, Tensor> weights,
        Device device,
        ScalarType dtype = ScalarType.Float32,
        (int Height, int Width)? input = null
    )
    {
        var stored = (config.GridRows, config.GridColumns);
        Config = config = config with { ImageHeight = input?.Height ?? config.ImageHeight, ImageWidth = input?.Width ?? config.ImageWidth };
        Device = device;
        Dtype = dtype;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();

        Tensor Take(string name)
        {
            using var staged = weights(name);
            return staged.to(dtype, device, copy: true);
        }

        LayerNorm Norm(string name, double? epsilon = null) =>
            new(Take(name + ".weight"), Take(name + ".bias"), epsilon ?? config.LayerNormEpsilon);
        Linear Dense(string name, bool bias = true) => new(Take(name + ".weight"), bias ? Take(name + ".bias") : null);

        (_prefix, _positions) = Embeddings(config, stored, weights, device, dtype);
        _rope = config.RotaryTemperature is null ? null : RotaryPositions.For(config, device);
        _patchWeight = Take("patch_embed.proj.weight");
        _patchBias = config.PreNorm ? null : Take("patch_embed.proj.bias");
        _normPre = config.PreNorm ? Norm("norm_pre") : null;
        Blocks =
        [
            .. Enumerable
                .Range(0, config.Depth)
                .Select(i => $"blocks.{i}.")
                .Select(b => new Block
                {
                    Config = config,
                    norm1 = Norm(b + "norm1"),
                    qkv = Dense(b + "attn.qkv", config.QkvBias),
                    q_norm = config.QkNorm ? Norm(b + "attn.q_norm") : null,
                    k_norm = config.QkNorm ? Norm(b + "attn.k_norm") : null,
                    rope = _rope,
                    proj = Dense(b + "attn.proj"),
                    ls1 = config.LayerScale ? Take(b + "ls1.gamma") : null,
                    norm2 = Norm(b + "norm2"),
                    fc1 = Dense(b + "mlp.fc1"),
                    fc2 = Dense(b + "mlp.fc2"),
                    ls2 = config.LayerScale ? Take(b + "ls2.gamma") : null,
                }),
        ];
        _norm = Norm(config.Pooling == HeadPooling.NormedAverage ? "fc_norm" : "norm");
        _head = Dense("head");
        _headDist = config.Distilled ? Dense("head_dist") : null;

        // The scope frees intermediate tensors; the model keeps its parameters.
        foreach (var tensor in Tensors())
            tensor.DetachFromDisposeScope();
    }

    // Shares every tensor with the two models, which dispose them.
    private VisionTransformer(VisionTransformer below, VisionTransformer above, int blocks)
    {
        (Config, Device, Dtype) = (below.Config, below.Device, below.Dtype);
        (_prefix, _positions, _rope, _patchWeight, _patchBias, _normPre) = (
            below._prefix,
            below._positions,
            below._rope,
            below._patchWeight,
            below._patchBias,
            below._normPre
        );
        Blocks = [.. below.Blocks.Take(below.Blocks.Count - blocks), .. above.Blocks.Skip(above.Blocks.Count - blocks)];
        (_norm, _head, _headDist) = (above._norm, above._head, above._headDist);
    }

    /// <summary>Copies every weight to the device; the checkpoint may be disposed afterwards.</summary>
    /// <param name="inputHeight">
    /// Input height in pixels; null uses the checkpoint's. Position embeddings are resized to the input size.
    /// </param>
    public static VisionTransformer Load(
        Checkpoint checkpoint,
        Device device,
        ScalarType dtype = ScalarType.Float32,
        int? inputHeight = null,
        int? inputWidth = null
    )
    {
        var input = (inputHeight ?? checkpoint.Config.ImageHeight, inputWidth ?? checkpoint.Config.ImageWidth);
        return new VisionTransformer(checkpoint.Config, name => ToTensor(checkpoint.Weights[name]), device, dtype, input);
    }

    public ViTConfig Config { get; }

    public Device Device { get; }

    public ScalarType Dtype { get; }

    internal IReadOnlyList<Block> Blocks { get; }

    internal LayerNorm Norm => _norm;

    internal Linear ClassHead => _head;

    /// <summary>
    /// Returns this model with the head, last norm and last blocks of another model of the same shape. It shares their tensors: do not
    /// dispose it.
    /// </summary>
    internal VisionTransformer WithTopOf(VisionTransformer other, int blocks) => new(this, other, blocks);

    /// <summary>Computes a plain prediction.</summary>
    /// <param name="input">Normalised pixels, [B, 3, H, W].</param>
    /// <returns>[B, classes], float32.</returns>
    public Tensor Logits(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = Embed(input);
        foreach (var block in Blocks)
        {
            var next = block.Forward(x);
            x.Dispose();
            x = next;
        }

        return Head(HeadInputs(HeadRows(x))).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Computes the forward pass of an explanation: logits and embedding, and the trace of every block for the closed form.
    /// </summary>
    /// <param name="input">Normalised pixels, [B, 3, H, W].</param>
    internal ForwardPass Forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = Embed(input); // [B, N, C]
        var traces = new BlockTrace[Blocks.Count];
        for (var i = 0; i < traces.Length; i++)
        {
            (var next, traces[i]) = Blocks[i].ForwardTraced(x, Config.HeadTokens, last: i == traces.Length - 1);
            x.Dispose();
            x = next;
        }

        var inputs = HeadInputs(x);
        var logits = Head(inputs);
        foreach (var trace in traces)
            trace.MoveToOuterDisposeScope();
        return new ForwardPass(logits.MoveToOuterDisposeScope(), inputs[0].MoveToOuterDisposeScope(), x.MoveToOuterDisposeScope(), traces);
    }

    /// <summary>
    /// Computes a forward pass with explicit, differentiable attention matrices. Memory grows with N^2 per head and block.
    /// </summary>
    /// <param name="input">Normalised pixels, [B, 3, H, W].</param>
    /// <param name="detach">True stops the gradient at the input of every attention: AG-CAM's rule.</param>
    internal (Tensor Logits, IReadOnlyList<Attention> Attentions) ForwardExplicit(Tensor input, bool detach)
    {
        var x = Embed(input);
        var attentions = new List<Attention>();
        foreach (var block in Blocks)
        {
            (x, var attention) = block.ForwardExplicit(x, detach);
            attentions.Add(attention);
        }

        return (Head(HeadInputs(HeadRows(x))), attentions);
    }

    /// <summary>Returns dY/dx of the head tokens after the last block, for Y = logit[target] - gamma logit[against].</summary>
    /// <param name="final">x after the last block, [B, T, C].</param>
    /// <param name="target">Class indices, [B, K], int64.</param>
    /// <param name="against">Class indices of the contrast, [B, K]; null for plain targets.</param>
    /// <param name="gamma">Weight of the contrast, [B, K]; 0 for a plain target.</param>
    /// <returns>[B, T, K, C], float32.</returns>
    internal Tensor Seed(Tensor final, Tensor target, Tensor? against, Tensor? gamma)
    {
        using var scope = NewDisposeScope();
        var heads = _headDist is null ? (Linear[])[_head] : [_head, _headDist];
        var seeds = heads.Select(head =>
        {
            var rows = Rows(head, target); // [B, K, C]
            if (against is not null && gamma is not null)
                rows = rows - gamma.unsqueeze(-1) * Rows(head, against);
            return heads.Length == 1 ? rows : rows.Times(1.0 / heads.Length);
        });
        var g = stack(seeds, 1); // [B, heads, K, C]
        if (Config.Pooling == HeadPooling.Token)
            return _norm.Vjp(final.unsqueeze(2), g).MoveToOuterDisposeScope();
        // The mean gives each of its T tokens 1/T of the gradient.
        var share = 1.0 / Config.HeadTokens.Count;
        return (
            Config.Pooling == HeadPooling.NormedAverage
                ? _norm.Vjp(final.mean([1], keepdim: true).unsqueeze(2), g).Times(share).expand(-1, final.shape[1], -1, -1)
                : _norm.Vjp(final.unsqueeze(2), g.Times(share))
        ).MoveToOuterDisposeScope();
    }

    /// <summary>Returns every parameter.</summary>
    internal IEnumerable<Tensor> Parameters()
    {
        IEnumerable<Tensor?> Of(Linear? linear) => linear is null ? [] : [linear.Weight, linear.Bias];
        IEnumerable<Tensor?> OfNorm(LayerNorm? norm) => norm is null ? [] : [norm.Weight, norm.Bias];
        IEnumerable<Tensor?> all =
        [
            _prefix,
            _positions,
            _patchWeight,
            _patchBias,
            .. OfNorm(_normPre),
            .. Blocks.SelectMany(b =>
                (IEnumerable<Tensor?>)
                    [
                        .. OfNorm(b.norm1),
                        .. Of(b.qkv),
                        .. OfNorm(b.q_norm),
                        .. OfNorm(b.k_norm),
                        .. Of(b.proj),
                        b.ls1,
                        .. OfNorm(b.norm2),
                        .. Of(b.fc1),
                        .. Of(b.fc2),
                        b.ls2,
                    ]
            ),
            .. OfNorm(_norm),
            .. Of(_head),
            .. Of(_headDist),
        ];
        return all.OfType<Tensor>();
    }

    private IEnumerable<Tensor> Tensors() => _rope is null ? Parameters() : [.. Parameters(), _rope.Cosines, _rope.Sines];

    public void Dispose()
    {
        foreach (var tensor in Tensors())
            tensor.Dispose();
    }

    internal static Tensor ToTensor(WeightTensor weight)
    {
        var tensor = empty(
            [.. weight.Shape],
            weight.DType switch
            {
                DType.F32 => float32,
                DType.F16 => float16,
                DType.BF16 => bfloat16,
                _ => throw new ModelException(
                    ModelFailure.UnsupportedType,
                    $"A weight of type {weight.DType.Name()} is not supported. Convert the checkpoint to F32, F16 or BF16."
                ),
            }
        );
        weight.Bytes.CopyTo(tensor.bytes);
        return tensor;
    }

    private static Tensor Rows(Linear head, Tensor classes) =>
        head.Weight.index_select(0, classes.flatten()).to(float32).view(classes.shape[0], classes.shape[1], -1);

    /// <summary>Returns the input of the first block, [B, N, C].</summary>
    internal Tensor Embed(Tensor input)
    {
        using var scope = NewDisposeScope();
        // [B, C, rows, columns]
        var patches = F.conv2d(input.to(Dtype), _patchWeight, _patchBias, strides: [Config.PatchSize, Config.PatchSize]);
        var tokens = patches.flatten(2).transpose(1, 2); // [B, patches, C]
        var x = cat([_prefix.expand(input.shape[0], -1, -1), _positions is null ? tokens : tokens.Plus(_positions)], 1); // [B, N, C]
        return (_normPre is null ? x : _normPre.Forward(x)).MoveToOuterDisposeScope();
    }

    // [B, N, C] -> [B, T, C]
    private Tensor HeadRows(Tensor x) => x.narrow(1, Config.HeadTokens.First, Config.HeadTokens.Count);

    /// <summary>Returns the vectors that the heads read, each [B, C]: the class token or the mean, then the distillation token.</summary>
    /// <param name="rows">x of the head tokens after the last block, [B, T, C].</param>
    private Tensor[] HeadInputs(Tensor rows)
    {
        if (Config.Pooling == HeadPooling.NormedAverage)
            return [_norm.Forward(rows.mean([1]))];
        var normed = _norm.Forward(rows); // [B, T, C]
        if (Config.Pooling == HeadPooling.AverageOfNormed)
            return [normed.mean([1])];
        return _headDist is null ? [normed.select(1, 0)] : [normed.select(1, 0), normed.select(1, 1)];
    }

    /// <summary>Returns the logits, [B, classes], float32. Two heads are averaged.</summary>
    private Tensor Head(Tensor[] inputs)
    {
        var logits = _head.Forward(inputs[0]);
        if (_headDist is not null)
            logits = logits.Plus(_headDist.Forward(inputs[1])).Times(0.5);
        return logits.to(float32);
    }

    private static (Tensor Prefix, Tensor? Positions) Embeddings(
        ViTConfig config,
        (int Rows, int Columns) stored,
        Func<string, Tensor> weights,
        Device device,
        ScalarType dtype
    )
    {
        List<Tensor> tokens = [];
        if (config.ClassToken)
            tokens.Add(weights("cls_token"));
        if (config.Distilled)
            tokens.Add(weights("dist_token"));
        if (config.Registers > 0)
            tokens.Add(weights("reg_token"));
        var prefix = tokens.Count == 0 ? empty([1, 0, config.Width], float32) : cat([.. tokens.Select(t => t.to(float32))], 1); // [1, P, C]

        if (config.RotaryTemperature is not null)
            return (prefix.to(dtype, device, copy: true), null);
        var positions = weights("pos_embed").to(float32); // [1, P + n, C] or [1, n, C]
        if (config.PrefixHasPosition)
        {
            prefix = prefix.Plus(positions.narrow(1, 0, config.PrefixTokens));
            positions = positions.narrow(1, config.PrefixTokens, positions.shape[1] - config.PrefixTokens);
        }

        positions = PositionEmbedding.Resize(positions, stored, (config.GridRows, config.GridColumns), config.PositionResizing);
        return (prefix.to(dtype, device, copy: true), positions.to(dtype, device, copy: true));
    }
}

/// <summary>Holds the values of a forward pass that an explanation needs. Dispose it after the maps are computed.</summary>
/// <param name="Logits">[B, classes], float32.</param>
/// <param name="Embedding">
/// Vector that the head reads, [B, C], in the model's dtype: the class token after the final norm. If the head averages the patches, their
/// mean, normed before or after as the model has it.
/// </param>
/// <param name="Final">x of the head tokens after the last block, before the final norm, [B, T, C].</param>
/// <param name="Blocks">Traces in the order of the blocks.</param>
internal sealed record ForwardPass(Tensor Logits, Tensor Embedding, Tensor Final, IReadOnlyList<BlockTrace> Blocks) : IDisposable
{
    public void Dispose()
    {
        Logits.Dispose();
        Embedding.Dispose();
        Final.Dispose();
        foreach (var block in Blocks)
            block.Dispose();
    }
}
