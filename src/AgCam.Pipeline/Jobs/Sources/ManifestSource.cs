using System.Runtime.CompilerServices;
using AgCam.Evaluation.Datasets;
using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using AgCam.Tables;

namespace AgCam.Pipeline.Jobs.Sources;

/// <summary>Reads a manifest with one row per image as a stream, in constant memory.</summary>
internal sealed class ManifestSource(string manifest, ManifestColumns columns, GuardedFiles files) : IImageSource
{
    public async IAsyncEnumerable<ImageReference> WalkAsync(PlanTail tail, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var folder = columns.Base ?? Path.GetDirectoryName(manifest)!;
        ManifestColumns? header = null;
        var number = 0;
        using var stream = Open();
        var options = new TableOptions((message, inner) => new SourceException(message, inner), Select)
        {
            WithNested = MetadataColumns.IsBoxes,
        };
        foreach (var (_, row) in Table.Read(manifest, stream, options))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var present = header ?? columns.In(row);
            var found = present.Reference(row, folder);
            if (number == 0 && found.Uri.Length == 0)
                throw NoPath(row);
            var reference = ReferenceSanitizer.Sanitize(found, $"{manifest}, row {number + 1}", present.Of);
            if (++number > tail.NextImage)
                yield return reference is { Kind: ReferenceKind.File, Refused: null }
                    ? reference with
                    {
                        Stamp = files.Roots.Find(reference.Uri) is { } real ? FileStamp.Of(real)?.ToString() : null,
                    }
                    : reference;
            else if (number == tail.NextImage && reference.Uri != tail.LastUri)
                throw new SourceException(
                    $"{manifest} has changed since planning began: row {number} was {tail.LastUri} and is {reference.Uri}. "
                        + $"Submit it as a new job."
                )
                {
                    HasChanged = true,
                };
        }
        if (number < tail.NextImage)
            throw new SourceException(
                $"{manifest} has changed since planning began: it had {tail.NextImage} rows or more and has {number}. Submit it "
                    + $"as a new job."
            )
            {
                HasChanged = true,
            };
        await Task.CompletedTask;

        IReadOnlyCollection<string> Select(IReadOnlyList<string> names)
        {
            header = columns.In(names, manifest);
            return header.Needed(names);
        }
    }

    /// <summary>
    /// Creates the error for a first row without an address. A later row fails as one item; in the first, the column is probably wrong.
    /// </summary>
    private SourceException NoPath(IReadOnlyDictionary<string, string> row)
    {
        var present = (columns with { Label = null, Split = null, Version = null }).In([.. row.Keys], manifest);
        return new SourceException($"{manifest}, row 1, has no {present.Path}. Fill it in, or name another column with column.path.");
    }

    private Stream Open()
    {
        if (!Table.Extensions.Contains(Path.GetExtension(manifest).ToLowerInvariant()))
            throw new SourceException($"{manifest} is not a manifest: its name must end in {string.Join(", ", Table.Extensions)}.");
        try
        {
            return files.Open(manifest).AsStream();
        }
        catch (ImageException e)
        {
            throw new SourceException($"The source cannot be read: {e.Message}", e);
        }
    }
}
