using AgCam.Models;
using static TorchSharp.torch;

namespace AgCam.Attribution;

/// <summary>
/// Transformer attribution (Chefer, Gur and Wolf, CVPR 2021): layer-wise relevance propagation (LRP) through every layer gives each
/// attention a relevance, which times its gradient is rolled out. The paper's second baseline. LRP is claimed by patents for commercial
/// use, so it is off unless named. One image at a time; plain models.
/// </summary>
internal static class TransformerAttribution
{
    public static AttributionMethod Method { get; } =
        new(
            "transformer-attribution",
            version: 1,
            "Transformer attribution (Chefer, Gur and Wolf, CVPR 2021), the paper's second baseline. Its relevance propagation "
                + "(LRP) is claimed by patents for commercial use, so it runs only where it is named.",
            batch => batch.PerTarget((target, _, _) => Maps(batch.Model, batch.Input, target))
        )
        {
            OnlyWhenNamed = true,
            IsClosedForm = false,
            Contrasts = false,
            Uncovered = config =>
                config.Distilled || config.LayerScale || config.QkNorm || config.PreNorm || config.RotaryTemperature is not null
                    ? "it has no rule for a second head, LayerScale, q/k norms, rotary positions or a norm before the first block"
                    : null,
        };

    /// <param name="input">Normalised pixels, [B, 3, H, W].</param>
    /// <param name="target">Class indices, [B, 1], int64.</param>
    /// <returns>[B, rows, columns], float32.</returns>
    /// <exception cref="ModelException">The model has parts for which the method gives no rule.</exception>
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
        using var grad = enable_grad(); // whatever the caller's mode
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

        var identity = eye(model.Config.Tokens, dtype: model.Dtype, device: model.Device).unsqueeze(0);
        var rollout = identity;
        for (var k = traces.Count - 1; k >= 0; k--)
        {
            (relevance, var ofAttention) = ThroughBlock(model.Blocks[k], traces[k], relevance);
            var c = (gradients[k] * ofAttention).relu().mean([1]); // [1, N, N]
            rollout = rollout.matmul(c.Plus(identity)); // (C_L + I) ... (C_1 + I)
        }

        return ClassRow.OnGrid(rollout, model.Config).MoveToOuterDisposeScope();
    }

    private static (Tensor Relevance, Tensor OfAttention) ThroughBlock(Block block, Trace t, Tensor relevance)
    {
        var (skip, branch) = ThroughSum(t.Mid, t.MlpOut, relevance);
        // GELU and the norm pass R on unchanged
        branch = ThroughLinear(block.fc1, t.Normed2, ThroughLinear(block.fc2, t.Activated, branch));
        relevance = ThroughCopy(t.Mid, skip, branch);

        (skip, branch) = ThroughSum(t.X, t.AttentionOut, relevance);
        branch = ThroughLinear(block.proj, Concatenate(t.Attended), branch);
        var (h, d) = (block.Config.Heads, block.Config.HeadWidth);
        var heads = branch.view(1, -1, h, d).transpose(1, 2); // [1, H, N, d]

        var s = Safe(heads, t.Attended);
        var ofAttention = (t.Weights * s.matmul(t.V.transpose(-2, -1))).Over(2); // [1, H, N, N]
        var ofV = (t.V * t.Weights.transpose(-2, -1).matmul(s)).Over(2);
        s = Safe(ofAttention, t.Q.matmul(t.K.transpose(-2, -1)));
        var ofQ = (t.Q * s.matmul(t.K)).Over(2);
        var ofK = (t.K * s.transpose(-2, -1).matmul(t.Q)).Over(2);
        var joined = cat([Concatenate(ofQ), Concatenate(ofK), Concatenate(ofV)], -1); // [1, N, 3C]
        return (ThroughCopy(t.X, skip, ThroughLinear(block.qkv, t.Normed1, joined)), ofAttention);
    }

    // R_in = x+ (S W+) + x- (S W-), with S = R / (x+ W+^T + x- W-^T): the bias has no part.
    private static Tensor ThroughLinear(Linear linear, Tensor x, Tensor relevance)
    {
        var (wp, wn) = Signs(linear.Weight);
        var (xp, xn) = Signs(x);
        var s = Safe(relevance, xp.matmul(wp.t()).Plus(xn.matmul(wn.t())));
        return (xp * s.matmul(wp)).Plus(xn * s.matmul(wn));
    }

    private static (Tensor Positive, Tensor Negative) Signs(Tensor x) => (x.relu(), x.minimum(zeros_like(x)));

    private static (Tensor A, Tensor B) ThroughSum(Tensor a, Tensor b, Tensor relevance)
    {
        var s = Safe(relevance, a.Plus(b));
        var (ra, rb) = (a * s, b * s);
        var (sumA, sumB, sum) = (ra.sum(), rb.sum(), relevance.sum());
        var whole = sumA.abs().Plus(sumB.abs());
        return (ra * Safe(Safe(sumA.abs(), whole) * sum, sumA), rb * Safe(Safe(sumB.abs(), whole) * sum, sumB));
    }

    private static Tensor ThroughCopy(Tensor x, Tensor r1, Tensor r2) => x * Safe(r1, x).Plus(Safe(r2, x));

    private static Tensor Safe(Tensor a, Tensor b)
    {
        var none = b.eq(zeros_like(b));
        return where(none, zeros_like(a), a / b.Plus(none.to(b.dtype)).Plus(1e-9));
    }

    private static Tensor Concatenate(Tensor heads) => heads.transpose(1, 2).flatten(2);

    /// <summary>The forward pass with everything that LRP propagates through; gradients reach the attention weights.</summary>
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
