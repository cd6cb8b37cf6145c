using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs.Sources;

/// <summary>Source without images: that of an audit of a finished job.</summary>
internal sealed class NoImages : IImageSource
{
    public IAsyncEnumerable<ImageReference> WalkAsync(PlanTail tail, CancellationToken cancellationToken) =>
        AsyncEnumerable.Empty<ImageReference>();
}
