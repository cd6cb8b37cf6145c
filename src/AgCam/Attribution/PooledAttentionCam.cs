using AgCam.Models;
using static TorchSharp.torch;

namespace AgCam.Attribution;

/// <summary>
/// AG-CAM's rule for heads that average the patches (agcam-pooled); not the paper's method. No class token gathers the evidence, so every
/// pooled token i has a chain of gradients, cut at every attention's input. M[j] = sum over blocks, heads and tokens i of sigmoid(S[i, j])
/// relu(dY/dA[i, j]).
/// </summary>
internal static class PooledAttentionCam
{
    public static AttributionMethod Method { get; } =
        new(
            AttributionMethod.Pooled,
            version: 1,
            "A relative of AG-CAM, not the paper's: for models whose head averages the patches, one chain for each pooled token.",
            batch => Maps(batch.Model, batch.Pass, batch.Target, batch.Against, batch.Gamma, batch.Signed)
        )
        {
            Heads = Heads.Average,
            HasNegative = true,
            OnlyWhenNamed = true,
        };

    /// <inheritdoc cref="AttentionGuidedCam.Maps"/>
    /// <exception cref="ArgumentException">The model's head reads the class token.</exception>
    public static (Tensor Positive, Tensor? Negative) Maps(
        VisionTransformer model,
        ForwardPass pass,
        Tensor target,
        Tensor? against = null,
        Tensor? gamma = null,
        bool signed = false
    )
    {
        if (model.Config.Pooling == HeadPooling.Token)
            throw new ArgumentException(
                $"{model.Config.Architecture} reads the class token. Explain it with {AttributionMethod.Paper}.",
                nameof(model)
            );
        using var scope = NewDisposeScope();
        // One target at a time: every pooled token has a row, so one target's gradients are patches x patches.
        var maps = Enumerable
            .Range(0, (int)target.shape[1])
            .Select(k => AttentionGuidedCam.Maps(model, pass, Column(target, k)!, Column(against, k), Column(gamma, k), signed))
            .ToList();
        return (
            cat([.. maps.Select(map => map.Positive)], 1).MoveToOuterDisposeScope(),
            signed ? cat([.. maps.Select(map => map.Negative!)], 1).MoveToOuterDisposeScope() : null
        );

        static Tensor? Column(Tensor? values, int k) => values?.narrow(1, k, 1);
    }
}
