using AgCam.Audit.Findings;

namespace AgCam.Audit;

/// <summary>What the findings of an audit say about one image.</summary>
/// <param name="Scores">One per finding of <see cref="FindingLevel.Image"/>, in the order of the findings. Null where not judged.</param>
/// <param name="Groups">
/// One per finding of <see cref="FindingLevel.Group"/>, in the order of the findings. Null where the image could not be compared.
/// </param>
public sealed record ImageResult(IReadOnlyList<ImageScore?> Scores, IReadOnlyList<ImageGroup?> Groups);

/// <param name="Number">Number of the image's group, from 0 for the worst; null when it is in none. Of several, the worst.</param>
/// <param name="Score">Score of the group; 1 when it is in none.</param>
public readonly record struct ImageGroup(int? Number, double Score);
