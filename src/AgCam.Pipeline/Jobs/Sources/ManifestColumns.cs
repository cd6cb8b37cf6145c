using AgCam.Evaluation.Datasets;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.References;

namespace AgCam.Pipeline.Jobs.Sources;

/// <summary>Columns of a manifest. Options of a job: column.path, column.label, column.split, column.version, base.</summary>
/// <param name="Path">Address of the image: a path, s3://..., http(s)://... Default: the first of path, image, file, filename, file_name
/// and uri.</param>
/// <param name="Label">Ground-truth class. Default: label or class, when present.</param>
/// <param name="Split">Split. Default: split, when present.</param>
/// <param name="Version">Version of an S3 object; without one the newest is read. Default: version_id, when present.</param>
/// <param name="Base">Folder of relative paths. Default: the manifest's folder.</param>
internal sealed record ManifestColumns(string? Path, string? Label, string? Split, string? Version, string? Base)
{
    private static readonly string[] Paths = ["path", "image", "file", "filename", "file_name", "uri"],
        Labels = ["label", "class"],
        Splits = ["split"],
        Versions = ["version_id"];

    /// <summary>Reads the columns from a job's options.</summary>
    /// <exception cref="SourceException">The base is not an absolute path.</exception>
    public static ManifestColumns From(IReadOnlyDictionary<string, string>? options)
    {
        var folder = options?.GetValueOrDefault("base");
        if (folder is not null && (!System.IO.Path.IsPathFullyQualified(folder) || folder.Contains('\0')))
            throw new SourceException(
                $"The option base, \"{folder}\", is not an absolute path. Name the folder of the manifest's "
                    + $"relative paths in full, such as /data/images."
            );
        return new(
            options?.GetValueOrDefault("column.path"),
            options?.GetValueOrDefault("column.label"),
            options?.GetValueOrDefault("column.split"),
            options?.GetValueOrDefault("column.version"),
            folder
        );
    }

    /// <summary>Resolves the columns against a table's header.</summary>
    /// <exception cref="SourceException">A named column is missing, or no column has the image's address. The message lists columns only of
    /// a file with such a column, so that it reveals nothing of other files.</exception>
    public ManifestColumns In(IReadOnlyCollection<string> columns, string manifest)
    {
        var isList = (Path is not null && columns.Contains(Path)) || Paths.Any(columns.Contains);
        var existing = isList ? $"; it has {string.Join(", ", columns)}" : "";
        foreach (var named in new[] { Path, Label, Split, Version })
            if (named is not null && !columns.Contains(named))
                throw new SourceException($"{manifest} has no column \"{named}\"{existing}.");
        return Found(columns.Contains) is { Path: not null } found
            ? found
            : throw new SourceException(
                $"{manifest} has no column {string.Join(", ", Paths)}. Name the column of the image's address with column.path."
            );
    }

    /// <summary>Resolves the columns against one row. JSON lines may omit a field or set it to null.</summary>
    public ManifestColumns In(IReadOnlyDictionary<string, string> row) => Found(row.ContainsKey);

    private ManifestColumns Found(Func<string, bool> exists) =>
        this with
        {
            Path = Path ?? Paths.FirstOrDefault(exists),
            Label = Label ?? Labels.FirstOrDefault(exists),
            Split = Split ?? Splits.FirstOrDefault(exists),
            Version = Version ?? Versions.FirstOrDefault(exists),
        };

    /// <summary>Returns the column of a reference's field, for error messages.</summary>
    public string Of(string field) =>
        (
            field switch
            {
                "uri" => Path,
                "label" => Label,
                "split" => Split,
                "stamp" => Version,
                _ => null,
            }
        )
            is { } column
            ? $"the column {column}"
            : field;

    /// <summary>Returns the columns to read, since a table may have thousands.</summary>
    public IReadOnlyCollection<string> Needed(IReadOnlyCollection<string> columns)
    {
        string[] fields = [.. new[] { Path, Label, Split, Version }.OfType<string>().Distinct()];
        return [.. fields, .. Others(columns.Except(fields))];
    }

    /// <summary>Returns the columns that become metadata, at most 32: that of boxes, then the first others.</summary>
    private static IEnumerable<string> Others(IEnumerable<string> columns)
    {
        string[] names = [.. columns.Where(IsName)];
        return names.OrderByDescending(name => name == MetadataColumns.BoxesIn(names)).Take(ExplainImagesRules.MaxMetadata);
    }

    /// <summary>
    /// Returns whether a column can become metadata: not when its name is empty, like the index column of pandas, or very long.
    /// </summary>
    private static bool IsName(string column) => column is { Length: >= 1 and <= ExplainImagesRules.MaxText };

    /// <summary>Converts a row to a reference.</summary>
    /// <returns>The reference, not validated: see <see cref="ReferenceSanitizer"/>. Its address is empty when the row has none.</returns>
    public ImageReference Reference(IReadOnlyDictionary<string, string> row, string folder)
    {
        var path = Path is null ? "" : row.GetValueOrDefault(Path, "");
        var kind =
            path.StartsWith("s3://", StringComparison.Ordinal) ? ReferenceKind.S3
            : path.StartsWith("http://", StringComparison.Ordinal) || path.StartsWith("https://", StringComparison.Ordinal)
                ? ReferenceKind.Http
            : ReferenceKind.File;
        var rest = Others(row.Keys.Where(column => column != Path && column != Label && column != Split && column != Version))
            .ToDictionary(column => column, column => ReferenceSanitizer.Cut(row[column], ExplainImagesRules.MaxMetadataLength(column)));
        return new ImageReference
        {
            Kind = kind,
            Uri = kind == ReferenceKind.File && path.Length > 0 && !path.Contains('\0') ? System.IO.Path.GetFullPath(path, folder) : path,
            Label = Label is null ? null : NullIfEmpty(row.GetValueOrDefault(Label)),
            Split = Split is null ? null : NullIfEmpty(row.GetValueOrDefault(Split)),
            Metadata = rest.Count == 0 ? null : rest,
            Stamp =
                kind == ReferenceKind.S3 && Version is not null && NullIfEmpty(row.GetValueOrDefault(Version)) is { } version
                    ? S3Objects.StampOfVersion(version)
                    : null,
        };

        static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
    }
}
