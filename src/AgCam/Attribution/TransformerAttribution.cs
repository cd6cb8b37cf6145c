using AgCam.Models;
using static TorchSharp.torch;

namespace AgCam.Attribution;

/// <summary>
/// Transformer attribution (Chefer, Gur and Wolf, CVPR 2021), the paper's second baseline. Layer-wise relevance propagation (LRP) gives
/// each attention a relevance R_A. The map is the class row of (C_L + I) ... (C_1 + I) with C = mean_h((dY/dA * R_A)+). One image at a
/// time; plain models only. Patents claim LRP for commercial use, so it runs only when named.
/// </summary>
internal static class TransformerAttribution
{
    public static AttributionMethod Method { get; } =
        new(
            "transformer-attribution",
            version: 1,
            "Transformer attribution (Chefer, Gur and Wolf, CVPR 2021), the paper's second baseline. Patents claim its relevance "
                + "propagation (LRP) for commercial use, so it runs only when named.",
            batch => batch.PerTarget((target, _, _) => Maps(batch.Model, batch.Input, target))
        )
        {
            OnlyWhenNamed = true,
            IsClosedForm = false,
            Contrasts = false,
            Uncovered = config =>
                config.Distilled
                || config.LayerScale
                || config.QkNorm
                || config.PreNorm
                || config.RotaryTemperature is not null
                || config.Activation is Activation.SwiGlu
                    ? "it has no rule for a second head, LayerScale, q/k norms, rotary positions, a norm before the first block or SwiGLU"
                    : null,
        };

    /// <summary>Computes the maps of one target per image.</summary>
    /// <param name="input">Normalised pixels, [B, 3, H, W].</param>
    /// <param name="target">Class indices, [B, 1], int64.</param>
    /// <returns>[B, rows, columns], float32.</returns>
    /// <exception cref="ModelException">The model has parts for which the method has no rule.</exception>
    public static Tensor Maps(VisionTransformer model, Tensor input, Tensor target)
    {
        if (Method.Refusal(model.Config) is { } refusal)
            throw new ModelException(ModelFailure.UnsupportedArchitecture, refusal);
        using var scope = NewDisposeScope();
        var maps = Enumerable.Range(0, (int)input.shape[0]).Select(i => Map(model, input.narrow(0, i, 1), target[i, 0].item<long>()));
        return cat([.. maps]).MoveToOuterDisposeScope();
    }

    private static Tensor Map(VisionTransformer model, Tensor input, long target)
    {
        using var grad = enable_grad(); // callers may run with no_grad
        using var scope = NewDisposeScope();
        var (logits, final, traces) = Forward(model, input);
        var gradients = autograd.grad([logits[0, target]], [.. traces.Select(t => t.Weights)]);

        using var noGrad = no_grad();
        var oneHot = zeros_like(logits)
            .scatter(
                1,
                tensor(
                    new[,]
                    {
                        { target },
                    },
                    device: model.Device
                ),
                ones_like(logits)
            );
        var classToken = final.narrow(1, 0, 1); // normed, [1, 1, C]
        var atHead = ThroughLinear(model.ClassHead, classToken, oneHot.unsqueeze(1));
        var relevance = cat([classToken * Safe(atHead, classToken), zeros_like(final.narrow(1, 1, final.shape[1] - 1))], 1); // [1, N, C]

        var identity = eye(model.Config.Tokens, dtype: model.Dtype, device: model.Device).unsqueeze(0); // [1, N, N]
        var rollout = identity;
        for (var k = traces.Count - 1; k >= 0; k--)
        {
            (relevance, var ofAttention) = ThroughBlock(model.Blocks[k], traces[k], relevance); // [1, N, C], R_A [1, H, N, N]
            var c = (gradients[k] * ofAttention).relu().mean([1]); // C = mean_h((dY/dA * R_A)+), [1, N, N]
            rollout = rollout.matmul(c.Plus(identity)); // (C_L + I) ... (C_k + I)
        }

        return ClassRow.OnGrid(rollout, model.Config).MoveToOuterDisposeScope();
    }

    /// <summary>Propagates relevance from a block's output to its input [1, N, C], and returns its attention's [1, H, N, N].</summary>
    private static (Tensor Relevance, Tensor OfAttention) ThroughBlock(Block block, Trace t, Tensor relevance)
    {
        var (skip, branch) = ThroughSum(t.Mid, t.MlpOut, relevance);
        // GELU and LayerNorm pass R unchanged.
        branch = ThroughLinear(block.fc1, t.Normed2, ThroughLinear(block.fc2, t.Activated, branch));
        relevance = ThroughCopy(t.Mid, skip, branch);

        (skip, branch) = ThroughSum(t.X, t.AttentionOut, relevance);
        branch = ThroughLinear(block.proj, Concatenate(t.Attended), branch);
        var (h, d) = (block.Config.Heads, block.Config.HeadWidth);
        var heads = branch.view(1, -1, h, d).transpose(1, 2); // [1, H, N, d]

        var s = Safe(heads, t.Attended); // S = R / o, [1, H, N, d]
        var ofAttention = (t.Weights * s.matmul(t.V.transpose(-2, -1))).Over(2); // R_A = A (S v^T) / 2, [1, H, N, N]
        var ofV = (t.V * t.Weights.transpose(-2, -1).matmul(s)).Over(2); // R_v = v (A^T S) / 2, [1, H, N, d]
        s = Safe(ofAttention, t.Q.matmul(t.K.transpose(-2, -1))); // S = R_A / (q k^T), [1, H, N, N]; without the scale
        var ofQ = (t.Q * s.matmul(t.K)).Over(2); // R_q = q (S k) / 2
        var ofK = (t.K * s.transpose(-2, -1).matmul(t.Q)).Over(2); // R_k = k (S^T q) / 2
        var joined = cat([Concatenate(ofQ), Concatenate(ofK), Concatenate(ofV)], -1); // [1, N, 3C]
        return (ThroughCopy(t.X, skip, ThroughLinear(block.qkv, t.Normed1, joined)), ofAttention);
    }

    /// <summary>Linear layer, bias ignored: R_in = x+ (S W+) + x- (S W-) with S = R / (x+ W+^T + x- W-^T).</summary>
    private static Tensor ThroughLinear(Linear linear, Tensor x, Tensor relevance)
    {
        var (wp, wn) = Signs(linear.Weight);
        var (xp, xn) = Signs(x);
        var s = Safe(relevance, xp.matmul(wp.t()).Plus(xn.matmul(wn.t())));
        return (xp * s.matmul(wp)).Plus(xn * s.matmul(wn));
    }

    /// <summary>Returns x+ and x-, the positive and negative parts.</summary>
    private static (Tensor Positive, Tensor Negative) Signs(Tensor x) => (x.relu(), x.minimum(zeros_like(x)));

    /// <summary>
    /// Residual a + b: R_a = a S and R_b = b S with S = R / (a + b), each rescaled to the share |sum R_a| / (|sum R_a| + |sum R_b|) of
    /// sum R.
    /// </summary>
    private static (Tensor A, Tensor B) ThroughSum(Tensor a, Tensor b, Tensor relevance)
    {
        var s = Safe(relevance, a.Plus(b));
        var (ra, rb) = (a * s, b * s);
        var (sumA, sumB, sum) = (ra.sum(), rb.sum(), relevance.sum());
        var whole = sumA.abs().Plus(sumB.abs());
        return (ra * Safe(Safe(sumA.abs(), whole) * sum, sumA), rb * Safe(Safe(sumB.abs(), whole) * sum, sumB));
    }

    /// <summary>Branch that was copied: R = x (R1 / x + R2 / x).</summary>
    private static Tensor ThroughCopy(Tensor x, Tensor r1, Tensor r2) => x * Safe(r1, x).Plus(Safe(r2, x));

    /// <summary>Returns a / (b + 1e-9), and 0 where b is 0.</summary>
    private static Tensor Safe(Tensor a, Tensor b)
    {
        var isZero = b.eq(zeros_like(b));
        return where(isZero, zeros_like(a), a / b.Plus(isZero.to(b.dtype)).Plus(1e-9));
    }

    /// <summary>Joins the heads: [B, H, N, d] to [B, N, C].</summary>
    private static Tensor Concatenate(Tensor heads) => heads.transpose(1, 2).flatten(2);

    /// <summary>Computes the forward pass with all values that LRP propagates through. The attention weights require gradients.</summary>
    private static (Tensor Logits, Tensor Final, List<Trace> Traces) Forward(VisionTransformer model, Tensor input)
    {
        var x = model.Embed(input);
        var traces = new List<Trace>();
        foreach (var block in model.Blocks)
        {
            var normed1 = block.norm1.Forward(x);
            var (q, k, v) = block.QueriesKeysValues(normed1);
            var weights = softmax(q.matmul(k.transpose(-2, -1)).Over(Math.Sqrt(block.Config.HeadWidth)), -1);
            if (!weights.requires_grad)
                weights.requires_grad_(true);
            var attended = weights.matmul(v);
            var attentionOut = block.proj.Forward(Concatenate(attended));
            var mid = x.Plus(attentionOut);
            var normed2 = block.norm2.Forward(mid);
            var activated = block.Config.Activation.Forward(block.fc1.Forward(normed2));
            var mlpOut = block.fc2.Forward(activated);
            traces.Add(new Trace(x, normed1, q, k, v, weights, attended, attentionOut, mid, normed2, activated, mlpOut));
            x = mid.Plus(mlpOut);
        }

        var final = model.Norm.Forward(x);
        return (model.ClassHead.Forward(final.select(1, 0)), final, traces);
    }

    private sealed record Trace(
        Tensor X,
        Tensor Normed1,
        Tensor Q,
        Tensor K,
        Tensor V,
        Tensor Weights,
        Tensor Attended,
        Tensor AttentionOut,
        Tensor Mid,
        Tensor Normed2,
        Tensor Activated,
        Tensor MlpOut
    );
}
