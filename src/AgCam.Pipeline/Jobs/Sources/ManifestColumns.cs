using AgCam.Pipeline.Messages;
using AgCam.Pipeline.References;

namespace AgCam.Pipeline.Jobs.Sources;

/// <summary>Which column of a manifest is what. Options of a job: column.path, column.label, column.split, column.version, base.</summary>
/// <param name="Path">The image: a path, s3://..., http(s)://... Default: path, image, file, filename or uri, whichever comes
/// first.</param>
/// <param name="Label">Ground truth. Default: label or class, where there is one.</param>
/// <param name="Split">Default: split, where there is one.</param>
/// <param name="Version">The version of an object in S3; where there is none, the newest is read. Default: version_id, where there is
/// one.</param>
/// <param name="Base">The folder that relative paths are relative to. Default: the manifest's own.</param>
internal sealed record ManifestColumns(string? Path, string? Label, string? Split, string? Version, string? Base)
{
    private static readonly string[] Paths = ["path", "image", "file", "filename", "file_name", "uri"],
        Labels = ["label", "class"],
        Splits = ["split"],
        Versions = ["version_id"];

    /// <exception cref="SourceException">The base is no absolute path.</exception>
    public static ManifestColumns From(IReadOnlyDictionary<string, string>? options)
    {
        var folder = options?.GetValueOrDefault("base");
        if (folder is not null && (!System.IO.Path.IsPathFullyQualified(folder) || folder.Contains('\0')))
            throw new SourceException(
                $"The option base, \"{folder}\", is no absolute path: name the folder that the manifest's paths are relative to "
                    + $"from the root on, such as /data/images."
            );
        return new(
            options?.GetValueOrDefault("column.path"),
            options?.GetValueOrDefault("column.label"),
            options?.GetValueOrDefault("column.split"),
            options?.GetValueOrDefault("column.version"),
            folder
        );
    }

    /// <summary>The columns that a table has under the names that are meant.</summary>
    /// <exception cref="SourceException">
    /// A column that was named is not there, or none tells where the image is. The message lists the columns only of a file that has one
    /// for the image.
    /// </exception>
    public ManifestColumns In(IReadOnlyCollection<string> columns, string manifest)
    {
        var isList = (Path is not null && columns.Contains(Path)) || Paths.Any(columns.Contains);
        var there = isList ? $"; it has {string.Join(", ", columns)}" : "";
        foreach (var named in new[] { Path, Label, Split, Version })
            if (named is not null && !columns.Contains(named))
                throw new SourceException($"{manifest} has no column \"{named}\"{there}.");
        return Found(columns.Contains) is { Path: not null } found
            ? found
            : throw new SourceException(
                $"{manifest} has no column {string.Join(", ", Paths)}: name the one that tells where the image is with column.path."
            );
    }

    /// <summary>
    /// The columns that are there, of a row that has its own: an object of JSON lines leaves out what is not known, or says null.
    /// </summary>
    public ManifestColumns In(IReadOnlyDictionary<string, string> row) => Found(row.ContainsKey);

    private ManifestColumns Found(Func<string, bool> isThere) =>
        this with
        {
            Path = Path ?? Paths.FirstOrDefault(isThere),
            Label = Label ?? Labels.FirstOrDefault(isThere),
            Split = Split ?? Splits.FirstOrDefault(isThere),
            Version = Version ?? Versions.FirstOrDefault(isThere),
        };

    /// <summary>The column of a reference's field, for a person.</summary>
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

    /// <summary>Those that a reference is made of: of a table of a thousand columns not all need be read.</summary>
    public IReadOnlyCollection<string> Needed(IReadOnlyCollection<string> columns)
    {
        string[] named = [.. new[] { Path, Label, Split, Version }.OfType<string>().Distinct()];
        return [.. named, .. columns.Except(named).Where(IsName).Take(ExplainImagesRules.MaxMetadata)];
    }

    /// <summary>
    /// A column without a name, such as the index that pandas writes, cannot be an item's, nor can one with a very long name.
    /// </summary>
    private static bool IsName(string column) => column is { Length: >= 1 and <= ExplainImagesRules.MaxText };

    /// <returns>What the row says, which may break rules: see <see cref="ReferenceSanitizer"/>. Its address is empty when the row has
    /// none.</returns>
    public ImageReference Reference(IReadOnlyDictionary<string, string> row, string folder)
    {
        var path = Path is null ? "" : row.GetValueOrDefault(Path, "");
        var kind =
            path.StartsWith("s3://", StringComparison.Ordinal) ? ReferenceKind.S3
            : path.StartsWith("http://", StringComparison.Ordinal) || path.StartsWith("https://", StringComparison.Ordinal)
                ? ReferenceKind.Http
            : ReferenceKind.File;
        var rest = row.Where(column =>
                column.Key != Path && column.Key != Label && column.Key != Split && column.Key != Version && IsName(column.Key)
            )
            .Take(ExplainImagesRules.MaxMetadata)
            .ToDictionary(column => column.Key, column => ReferenceSanitizer.Cut(column.Value, ExplainImagesRules.MaxMetadataValue));
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
