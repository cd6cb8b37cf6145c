using System.Runtime.CompilerServices;
using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs.Sources;

/// <summary>Returns the images of a folder at any depth, in ordinal order of their paths.</summary>
/// <param name="byClass">Whether an image's label is its first folder below <paramref name="folder"/>.</param>
internal sealed class FolderSource(string folder, bool byClass, GuardedFiles files) : IImageSource
{
    public async IAsyncEnumerable<ImageReference> WalkAsync(PlanTail tail, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (!files.FolderExists(folder))
            throw new SourceException($"{folder} is not a folder. Correct the source.");
        foreach (var path in ImageFiles.Walk(folder, files))
        {
            cancellationToken.ThrowIfCancellationRequested();
            // Files may have been added or deleted since planning began. The order gives the next one; a count would not.
            if (tail.LastUri is { } last && string.CompareOrdinal(path, last) <= 0)
                continue;
            var label = byClass ? LabelOf(path) : null;
            yield return new ImageReference
            {
                Kind = ReferenceKind.File,
                Uri = path,
                Label = label,
                Stamp = StampOf(path),
            };
            await Task.CompletedTask;
        }
    }

    /// <summary>Returns a file's stamp. Null for a link that leads out of the roots.</summary>
    private string? StampOf(string path)
    {
        var isLink = FileStatus.TryGet(path, out var status, out _, followLinks: false) && status.Kind == FileKind.Link;
        var place = isLink ? files.Roots.Find(path) : path;
        return place is null ? null : FileStamp.Of(place)?.ToString();
    }

    private string? LabelOf(string path)
    {
        var below = Path.GetRelativePath(folder, path);
        var end = below.IndexOf(Path.DirectorySeparatorChar);
        return end > 0 ? below[..end] : null;
    }
}
