using System.Runtime.CompilerServices;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs.Sources;

/// <summary>A row for each image, read as a stream: memory does not grow with the rows.</summary>
internal sealed class ManifestSource(string manifest, ManifestColumns columns, AllowedRoots roots) : IImageSource
{
    public async IAsyncEnumerable<ImageReference> WalkAsync(PlanTail tail, [EnumeratorCancellation] CancellationToken cancel)
    {
        var folder = columns.Base ?? Path.GetDirectoryName(manifest)!;
        ManifestColumns? meant = null;
        var number = 0;
        await foreach (var row in Rows(cancel))
        {
            meant ??= columns.In([.. row.Keys], manifest);
            var reference = meant.Reference(row, folder, $"{manifest}, row {number + 1},");
            if (++number > tail.NextImage)
                yield return reference.Kind == ReferenceKind.File ? reference with { Stamp = roots.Find(reference.Uri) is { } real ? FileStamp.Of(real)?.ToString() : null } : reference;
            else if (number == tail.NextImage && reference.Uri != tail.LastUri)
                throw new SourceException($"{manifest} has changed since planning began: row {number} was {tail.LastUri} and is {reference.Uri}. Submit it as a new job.");
        }
        if (number < tail.NextImage)
            throw new SourceException($"{manifest} has changed since planning began: it had {tail.NextImage} rows or more and has {number}. Submit it as a new job.");
    }

    private IAsyncEnumerable<IReadOnlyDictionary<string, string>> Rows(CancellationToken cancel) => Path.GetExtension(manifest).ToLowerInvariant() switch
    {
        ".jsonl" or ".ndjson" => JsonLines.ReadAsync(manifest, cancel),
        ".csv" => CsvRows.ReadAsync(manifest, ',', cancel),
        ".tsv" => CsvRows.ReadAsync(manifest, '\t', cancel),
        ".parquet" => ParquetRows.ReadAsync(manifest, names => columns.Needed(names, manifest), cancel),
        var other => throw new SourceException($"{manifest}: a manifest is .jsonl, .csv, .tsv or .parquet, not {(other.Length == 0 ? "without an extension" : other)}."),
    };
}
