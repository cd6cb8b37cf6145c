using AgCam.Models;
using AgCam.Models.Layouts;

namespace AgCam.Tests.Models;

internal static class Layouts
{
    /// <summary>Returns every weight that a model needs, as zeros.</summary>
    public static Dictionary<string, WeightTensor> CanonicalWeightsOf(ViTConfig config) =>
        CanonicalWeights
            .Of(config)
            .ToDictionary(
                pair => pair.Key,
                pair => (WeightTensor)MemoryTensor.FromFloat32(pair.Value, new float[pair.Value.Aggregate(1L, (a, b) => a * b)])
            );
}
