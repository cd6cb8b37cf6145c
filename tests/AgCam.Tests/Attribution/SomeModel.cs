using AgCam.Attribution;
using AgCam.Models;
using Xunit;
using static TorchSharp.torch;

namespace AgCam.Tests.Attribution;

/// <summary>
/// Noise pictures through a random model, and what maps of them must equal. What a test computes with it is gone with it.
/// </summary>
internal sealed class SomeModel : IDisposable
{
    // A wrong formula is off by percents; where heat all but cancels, float32 itself by some 1e-5 of what is left.
    private const double Tolerance = 1e-3;

    private readonly TorchSharp.DisposeScope _scope = NewDisposeScope();

    public SomeModel(ViTConfig config, int seed, int images = 2)
    {
        Model = RandomWeights.Model(config, CPU, seed: seed);
        var input = randn([images, 3, config.ImageHeight, config.ImageWidth], generator: new Generator((ulong)seed));
        var targets = Enumerable.Range(0, images).Select(i => (1L + 2 * i) % config.Classes).ToArray();
        Batch = new AttributionBatch(
            Model,
            input,
            Infer(Model, input),
            tensor(targets).unsqueeze(1),
            [.. targets.Select((_, i) => $"image {i}")]
        );
    }

    public VisionTransformer Model { get; }

    /// <summary>A class to explain for each image.</summary>
    public AttributionBatch Batch { get; }

    public Tensor Input => Batch.Input;

    public ForwardPass Pass => Batch.Pass;

    public int Patches => Model.Config.GridRows * Model.Config.GridColumns;

    public static ForwardPass Infer(VisionTransformer model, Tensor input)
    {
        using var noGrad = no_grad();
        return model.Forward(input);
    }

    /// <summary>Each image's own class: [B, classes] -> [B, 1].</summary>
    public Tensor OfTarget(Tensor logits) => logits.gather(1, Batch.Target);

    /// <summary>[B, H, N, N] -> the head tokens' rows, patches only, [B, H, T, patches].</summary>
    public Tensor HeadRows(Tensor attention) =>
        ClassRow.Patches(attention.narrow(2, Model.Config.HeadTokens.First, Model.Config.HeadTokens.Count), Model.Config);

    /// <summary>
    /// Positive and negative maps of two classes for each of two images, against autograd with the input of every attention detached.
    /// </summary>
    /// <param name="maps">From classes [B, K] to maps [B, K, rows, columns].</param>
    public void SameAsAutograd(Func<Tensor, (Tensor Positive, Tensor? Negative)> maps)
    {
        var target = tensor(new long[] { 0, Model.Config.Classes - 1, 1, 0 }).view(2, 2);
        var (positives, negatives) = maps(target);
        for (var k = 0; k < 2; k++)
        {
            var (positive, negative) = AutogradReference.Maps(Model, Input, logits => logits.gather(1, target.narrow(1, k, 1)).sum());
            Same(positive, positives.select(1, k), negative);
            Same(negative, negatives!.select(1, k), positive);
        }
    }

    /// <summary>Measured by the heat of both signs: on a grid of a few patches one of the two maps may be all zero.</summary>
    public static void Same(Tensor expected, Tensor actual, Tensor otherSign)
    {
        var size = expected.norm().item<float>() + otherSign.norm().item<float>();
        Assert.InRange((actual - expected).norm().item<float>(), 0, Tolerance * size);
    }

    /// <param name="expected">[B, patches]</param>
    /// <param name="maps">[B, rows, columns]</param>
    public static void Same(Tensor expected, Tensor maps)
    {
        var size = expected.norm().item<float>();
        Assert.InRange((maps.flatten(1) - expected).norm().item<float>(), 0, (Tolerance * size) + 1e-8);
    }

    public void Dispose()
    {
        _scope.Dispose();
        Model.Dispose();
    }
}
