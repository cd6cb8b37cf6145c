using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Stores.Documents;

/// <summary>References of a chunk as one document, because a BSON document cannot be an array.</summary>
internal sealed record ReferenceList
{
    public IReadOnlyList<ImageReference> Images { get; init; } = [];
}
