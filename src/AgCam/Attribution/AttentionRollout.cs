using AgCam.Models;
using static TorchSharp.torch;

namespace AgCam.Attribution;

/// <summary>
/// Attention rollout (Abnar and Zuidema, ACL 2020): per block (mean over heads of A + I) / 2, rows renormalised, multiplied from the first
/// block up; the class token's row. The map is the same for every class.
/// </summary>
internal static class AttentionRollout
{
    public static AttributionMethod Method { get; } =
        new(
            "rollout",
            version: 1,
            "Attention rollout (Abnar and Zuidema 2020). Its map is the same for every class.",
            batch => batch.InParts(part => Maps(part.Model, part.Input).unsqueeze(1).expand(-1, part.Target.shape[1], -1, -1))
        )
        {
            Heads = Heads.Both,
            IsClosedForm = false,
            Contrasts = false,
        };

    /// <summary>Computes the map of each image.</summary>
    /// <param name="input">Normalised pixels, [B, 3, H, W].</param>
    /// <returns>[B, rows, columns], float32.</returns>
    public static Tensor Maps(VisionTransformer model, Tensor input)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (_, attentions) = model.ForwardExplicit(input, detach: false);
        var identity = eye(model.Config.Tokens, dtype: float32, device: model.Device); // [N, N]
        var rollout = identity;
        foreach (var attention in attentions)
        {
            var mixed = attention.Weights.to(float32).mean([1]).Plus(identity); // [B, N, N]
            rollout = (mixed / mixed.sum(-1, keepdim: true)).matmul(rollout); // [B, N, N]; the renormalisation includes the factor 1/2
        }

        return ClassRow.OnGrid(rollout, model.Config).MoveToOuterDisposeScope();
    }
}
