using AgCam.Models.Layouts;
using static TorchSharp.torch;

namespace AgCam.Models;

/// <summary>Makes untrained models for benchmarks and property tests, which depend on shapes and arithmetic only.</summary>
internal static class RandomWeights
{
    /// <summary>
    /// Returns a model with normally distributed weights at a trained model's scale, so that attention is neither flat nor saturated.
    /// </summary>
    /// <param name="seed">The same seed gives the same weights.</param>
    public static VisionTransformer Model(ViTConfig config, Device device, ScalarType dtype = ScalarType.Float32, long seed = 0)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var generator = new Generator((ulong)seed);
        var weights = CanonicalWeights
            .Of(config)
            .ToDictionary(
                w => w.Key,
                w =>
                {
                    var (isNorm, isGamma) = (
                        w.Key.Contains("norm", StringComparison.Ordinal) && w.Key.EndsWith(".weight", StringComparison.Ordinal),
                        w.Key.EndsWith(".gamma", StringComparison.Ordinal)
                    );
                    var scale = w.Value.Length == 2 ? 1 / Math.Sqrt(w.Value[1]) : 0.1;
                    var noise = randn(w.Value, generator: generator) * scale;
                    return isNorm || isGamma ? noise + 1 : noise;
                }
            );
        return new VisionTransformer(config, name => weights[name].alias(), device, dtype);
    }
}
