using AgCam.Models;

namespace AgCam.Evaluation;

/// <summary>
/// Copies of the model with randomised weights from the head down (Adebayo et al. 2018). Each stage keeps fewer trained blocks.
/// </summary>
internal sealed class SanityModels : IDisposable
{
    private readonly VisionTransformer _random;

    public SanityModels(VisionTransformer model)
    {
        _random = RandomWeights.Model(model.Config, model.Device, model.Dtype);
        var depth = model.Blocks.Count;
        Stages =
        [
            ("randomHead", model.WithTopOf(_random, 0)),
            ("randomTop25", model.WithTopOf(_random, (depth + 3) / 4)),
            ("randomTop50", model.WithTopOf(_random, (depth + 1) / 2)),
            ("randomTop75", model.WithTopOf(_random, ((3 * depth) + 3) / 4)),
            ("randomWeights", _random),
        ];
    }

    /// <summary>
    /// Models by metric name. All but the last share weights with the model and with the last, so only the last is disposed.
    /// </summary>
    public IReadOnlyList<(string Metric, VisionTransformer Model)> Stages { get; }

    public void Dispose() => _random.Dispose();
}
