using System.Runtime.CompilerServices;
using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs.Sources;

/// <summary>All images of a folder at any depth, in ordinal order of their paths.</summary>
/// <param name="byClass">Whether the first folder below is the image's label.</param>
internal sealed class FolderSource(string folder, bool byClass) : IImageSource
{
    public async IAsyncEnumerable<ImageReference> WalkAsync(PlanTail tail, [EnumeratorCancellation] CancellationToken cancel)
    {
        if (!Directory.Exists(folder))
            throw new SourceException($"{folder} is no folder.");
        foreach (var path in ImageFiles.Find(folder))
        {
            cancel.ThrowIfCancellationRequested();
            // Files may have come and gone since planning began: the order tells where to go on, a count would not.
            if (tail.LastUri is { } last && string.CompareOrdinal(path, last) <= 0)
                continue;
            yield return new ImageReference { Kind = ReferenceKind.File, Uri = path, Label = byClass ? LabelOf(path) : null, Stamp = FileStamp.Of(path)?.ToString() };
            await Task.CompletedTask;
        }
    }

    private string? LabelOf(string path)
    {
        var below = Path.GetRelativePath(folder, path);
        var end = below.IndexOf(Path.DirectorySeparatorChar);
        return end > 0 ? below[..end] : null;
    }
}
