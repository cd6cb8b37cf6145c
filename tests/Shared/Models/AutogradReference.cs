using AgCam.Models;
using static TorchSharp.torch;

namespace AgCam.Testing;

/// <summary>AG-CAM as the paper words it: by autograd, with the input of every attention detached. The closed form must equal it.</summary>
internal static class AutogradReference
{
    /// <param name="seed">What is explained, from the logits [B, classes]: one number an image, summed.</param>
    /// <returns>Positive and negative maps, [B, rows, columns].</returns>
    public static (Tensor Positive, Tensor Negative) Maps(VisionTransformer model, Tensor input, Func<Tensor, Tensor> seed)
    {
        using var scope = NewDisposeScope();
        var config = model.Config;
        var patches = config.GridRows * config.GridColumns;
        var (logits, attentions) = model.ForwardExplicit(input, detach: true);
        var gradients = autograd.grad([seed(logits)], [.. attentions.Select(a => a.Weights)]);
        var positive = zeros(input.shape[0], patches);
        var negative = zeros(input.shape[0], patches);
        foreach (var (attention, gradient) in attentions.Zip(gradients))
        {
            // All rows: the gradient is zero on every one but those of the tokens that a head reads.
            Tensor Rows(Tensor t) => t.narrow(3, config.PrefixTokens, patches).detach();
            positive = positive + (Rows(attention.Scores).sigmoid() * Rows(gradient).relu()).sum([1, 2]);
            negative = negative + (Rows(attention.Scores).sigmoid() * Rows(gradient).neg().relu()).sum([1, 2]);
        }

        Tensor OnGrid(Tensor t) => t.view(-1, config.GridRows, config.GridColumns).MoveToOuterDisposeScope();
        return (OnGrid(positive), OnGrid(negative));
    }
}
