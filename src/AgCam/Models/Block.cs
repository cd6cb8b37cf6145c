using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace AgCam.Models;

/// <summary>Computes one pre-norm block: x' = x + ls1 attn(norm1(x)); x'' = x' + ls2 mlp(norm2(x')). Fields have timm's names.</summary>
internal sealed record Block
{
    public required ViTConfig Config { get; init; }
    public required LayerNorm norm1 { get; init; }
    public required Linear qkv { get; init; } // rows: queries, keys, values
    public LayerNorm? q_norm { get; init; }
    public LayerNorm? k_norm { get; init; }
    public RotaryPositions? rope { get; init; }
    public required Linear proj { get; init; }
    public Tensor? ls1 { get; init; } // LayerScale's gamma, [C]
    public required LayerNorm norm2 { get; init; }
    public required Linear fc1 { get; init; }
    public required Linear fc2 { get; init; }
    public Tensor? ls2 { get; init; }

    private double Scale => 1 / Math.Sqrt(Config.HeadWidth);

    /// <summary>Computes the plain forward pass. x: [B, N, C].</summary>
    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var (q, k, v) = QueriesKeysValues(norm1.Forward(x));
        var mid = Residual(x, proj.Forward(Concatenate(F.scaled_dot_product_attention(q, k, v))), ls1);
        var hidden = Config.Activation.Overwrite(fc1.Forward(norm2.Forward(mid))); // [B, N, M]
        return Residual(mid, fc2.Forward(hidden), ls2).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Computes the forward pass and the trace that an explanation needs: V, and the head tokens' rows of S and of the MLP. No N x N matrix
    /// is stored. The last block computes only the head tokens' rows after the values.
    /// </summary>
    /// <param name="x">[B, N, C]</param>
    /// <param name="head">First index and count T of the tokens that the head reads.</param>
    /// <param name="last">True for the last block; the result is then [B, T, C].</param>
    public (Tensor X, BlockTrace Trace) ForwardTraced(Tensor x, (int First, int Count) head, bool last)
    {
        using var scope = NewDisposeScope();
        var normed = norm1.Forward(x);
        var (q, k, v) = last ? HeadQueriesKeysValues(normed, head) : QueriesKeysValues(normed);
        var headQueries = last ? q : q.narrow(2, head.First, head.Count);
        var scores = headQueries.matmul(k.transpose(-2, -1)).TimesInPlace(Scale); // [B, H, T, N]
        var attended = last ? softmax(scores, -1).matmul(v) : F.scaled_dot_product_attention(q, k, v); // [B, H, N or T, d]
        var mid = Residual(last ? x.narrow(1, head.First, head.Count) : x, proj.Forward(Concatenate(attended)), ls1); // [B, N or T, C]
        var hidden = fc1.Forward(norm2.Forward(mid)); // [B, N or T, M]
        var trace = new BlockTrace(scores, v, Rows(mid), Rows(hidden));
        var result = Residual(mid, fc2.Forward(Config.Activation.Overwrite(hidden)), ls2);
        trace.MoveToOuterDisposeScope();
        return (result.MoveToOuterDisposeScope(), trace);

        // A copy: the full tensor is overwritten or freed afterwards.
        Tensor Rows(Tensor tokens) => tokens.narrow(1, last ? 0 : head.First, head.Count).clone();
    }

    /// <summary>Computes the block with an explicit, differentiable N x N attention, for methods that need the whole matrix.</summary>
    /// <param name="detach">True stops the gradient at norm1's output: AG-CAM's rule.</param>
    public (Tensor X, Attention Attention) ForwardExplicit(Tensor x, bool detach)
    {
        var normed = norm1.Forward(x);
        var (q, k, v) = QueriesKeysValues(detach ? normed.detach() : normed);
        var scores = q.matmul(k.transpose(-2, -1)).Times(Scale); // [B, H, N, N]
        var weights = softmax(scores, -1); // [B, H, N, N]
        if (!weights.requires_grad && is_grad_enabled())
            weights.requires_grad_(true);
        var mid = x.Plus(Scaled(proj.Forward(Concatenate(weights.matmul(v))), ls1));
        var result = mid.Plus(Scaled(fc2.Forward(Config.Activation.Forward(fc1.Forward(norm2.Forward(mid)))), ls2));
        return (result, new Attention(scores, weights));
    }

    /// <summary>Returns u_h for gradients at x': Wo^T (ls1 g), split into heads.</summary>
    /// <param name="g">[B, T, K, C]</param>
    /// <returns>[B, H, T K, d]</returns>
    public Tensor HeadGradients(Tensor g)
    {
        var (b, t, k) = (g.shape[0], g.shape[1], g.shape[2]);
        return proj.Vjp(Scaled(g, ls1)).view(b, t * k, Config.Heads, -1).transpose(1, 2);
    }

    /// <summary>Returns the gradient below the MLP for the gradient above it: g + LNvjp(x', fc1^T (act'(h) fc2^T (ls2 g))).</summary>
    /// <param name="g">[B, T, K, C]</param>
    public Tensor ThroughMlp(Tensor g, BlockTrace trace)
    {
        using var scope = NewDisposeScope();
        var t = fc1.Vjp(Config.Activation.Vjp(trace.Hidden.unsqueeze(2), fc2.Vjp(Scaled(g, ls2)))); // Hidden: [B, T, 1, M]
        return g.Plus(norm2.Vjp(trace.Mid.unsqueeze(2), t)).MoveToOuterDisposeScope();
    }

    private static Tensor Residual(Tensor x, Tensor branch, Tensor? gamma) => (gamma is null ? branch : branch.mul_(gamma)).PlusInPlace(x);

    private static Tensor Scaled(Tensor x, Tensor? gamma) => gamma is null ? x : x * gamma;

    /// <summary>Returns queries, keys and values of norm1's output, [B, H, N, d] each.</summary>
    internal (Tensor Q, Tensor K, Tensor V) QueriesKeysValues(Tensor normed)
    {
        var all = Heads(qkv.Forward(normed), 3); // [3, B, H, N, d]
        return (Placed(all.select(0, 0), q_norm), Placed(all.select(0, 1), k_norm), all.select(0, 2));
    }

    private (Tensor Q, Tensor K, Tensor V) HeadQueriesKeysValues(Tensor normed, (int First, int Count) head)
    {
        var c = Config.Width;
        var q = Heads(qkv.Rows(0, c).Forward(normed.narrow(1, head.First, head.Count)), 1).select(0, 0); // [B, H, T, d]
        var kv = Heads(qkv.Rows(c, 2 * c).Forward(normed), 2); // [2, B, H, N, d]
        return (Placed(q, q_norm, head.First), Placed(kv.select(0, 0), k_norm), kv.select(0, 1));
    }

    private Tensor Heads(Tensor x, int parts) =>
        x.view(x.shape[0], x.shape[1], parts, Config.Heads, Config.HeadWidth).permute(2, 0, 3, 1, 4);

    // Applies q_norm or k_norm and the rotary positions, where the model has them, to the tokens from the first on.
    private Tensor Placed(Tensor x, LayerNorm? norm, int first = 0)
    {
        var normed = norm is null ? x : norm.Forward(x);
        return rope is null ? normed : rope.Rotate(normed, first);
    }

    // [B, H, N, d] -> [B, N, C]
    private static Tensor Concatenate(Tensor heads) => heads.transpose(1, 2).flatten(2);
}

/// <summary>Holds the values of one block that an explanation needs: T head tokens, N tokens, H heads of width d, MLP width M.</summary>
/// <param name="Scores">The head tokens' rows of S (before softmax), [B, H, T, N].</param>
/// <param name="Values">Values, [B, H, N, d].</param>
/// <param name="Mid">x' of the head tokens, [B, T, C].</param>
/// <param name="Hidden">fc1's output (before the activation) of the head tokens, [B, T, M]; [B, T, 2 M] in a gated MLP.</param>
internal sealed record BlockTrace(Tensor Scores, Tensor Values, Tensor Mid, Tensor Hidden) : IDisposable
{
    public void MoveToOuterDisposeScope()
    {
        foreach (var tensor in (Tensor[])[Scores, Values, Mid, Hidden])
            tensor.MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        foreach (var tensor in (Tensor[])[Scores, Values, Mid, Hidden])
            tensor.Dispose();
    }
}

/// <param name="Scores">S = q k^T / sqrt(d), [B, H, N, N].</param>
/// <param name="Weights">A = softmax(S), [B, H, N, N].</param>
internal sealed record Attention(Tensor Scores, Tensor Weights);
