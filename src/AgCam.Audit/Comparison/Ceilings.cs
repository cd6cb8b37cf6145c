namespace AgCam.Audit.Comparison;

/// <summary>
/// Similarity of a model's map of an image and its map of the mirrored image, mirrored back: as similar as two maps of this model can be
/// expected to be.
/// </summary>
/// <param name="Values">
/// Values of a sample of the images, in the order of <see cref="MapMeasure.All"/>: the mean of both models.
/// </param>
/// <param name="Missing">Reason why there are none; null where there are.</param>
/// <param name="Note">Sentence about the sample; null without one.</param>
public sealed record Ceilings(IReadOnlyDictionary<Digest, IReadOnlyList<double>> Values, string? Missing, string? Note = null)
{
    public static Ceilings None(string reason) => new(new Dictionary<Digest, IReadOnlyList<double>>(), reason);
}
