using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Stores.Documents;

/// <summary>A chunk's references as one document: BSON has no bare arrays.</summary>
internal sealed record ReferenceList
{
    public IReadOnlyList<ImageReference> Images { get; init; } = [];
}
