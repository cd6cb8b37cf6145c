using System.Runtime.CompilerServices;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs.Sources;

/// <summary>A row for each image, read as a stream: memory does not grow with the rows.</summary>
internal sealed class ManifestSource(string manifest, ManifestColumns columns, AllowedRoots roots) : IImageSource
{
    private readonly string _extension = Path.GetExtension(manifest).ToLowerInvariant();

    /// <summary>Else each row has columns of its own.</summary>
    private bool HasHeader => _extension is not (".jsonl" or ".ndjson");

    public async IAsyncEnumerable<ImageReference> WalkAsync(PlanTail tail, [EnumeratorCancellation] CancellationToken cancel)
    {
        var folder = columns.Base ?? Path.GetDirectoryName(manifest)!;
        ManifestColumns? meant = null;
        var number = 0;
        await foreach (var row in Rows(cancel))
        {
            meant = HasHeader ? meant ?? columns.In([.. row.Keys], manifest) : columns.In(row);
            var found = meant.Reference(row, folder);
            if (number == 0 && found.Uri.Length == 0)
                throw NoPath(row);
            var reference = Sendable.Of(found, $"{manifest}, row {number + 1}", meant.Of);
            if (++number > tail.NextImage)
                yield return reference is { Kind: ReferenceKind.File, Refused: null } ? reference with { Stamp = roots.Find(reference.Uri) is { } real ? FileStamp.Of(real)?.ToString() : null } : reference;
            else if (number == tail.NextImage && reference.Uri != tail.LastUri)
                throw new SourceException($"{manifest} has changed since planning began: row {number} was {tail.LastUri} and is {reference.Uri}. Submit it as a new job.");
        }
        if (number < tail.NextImage)
            throw new SourceException($"{manifest} has changed since planning began: it had {tail.NextImage} rows or more and has {number}. Submit it as a new job.");
    }

    /// <summary>A row without one fails alone; where the very first has none, it is likelier that the wrong column was named.</summary>
    private SourceException NoPath(IReadOnlyDictionary<string, string> row)
    {
        var meant = (columns with { Label = null, Split = null, Version = null }).In([.. row.Keys], manifest);
        return new SourceException($"{manifest}, row 1, has no {meant.Path}.");
    }

    private IAsyncEnumerable<IReadOnlyDictionary<string, string>> Rows(CancellationToken cancel) => _extension switch
    {
        ".jsonl" or ".ndjson" => JsonLines.ReadAsync(manifest, cancel),
        ".csv" => CsvRows.ReadAsync(manifest, ',', cancel),
        ".tsv" => CsvRows.ReadAsync(manifest, '\t', cancel),
        ".parquet" => ParquetRows.ReadAsync(manifest, names => columns.Needed(names, manifest), cancel),
        var other => throw new SourceException($"{manifest}: a manifest is .jsonl, .csv, .tsv or .parquet, not {(other.Length == 0 ? "without an extension" : other)}."),
    };
}
