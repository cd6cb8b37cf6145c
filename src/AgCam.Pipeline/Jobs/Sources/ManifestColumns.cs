using AgCam.Pipeline.Messages;
using AgCam.Pipeline.References;

namespace AgCam.Pipeline.Jobs.Sources;

/// <summary>Which column of a manifest is what. Options of a job: column.path, column.label, column.split, column.version, base.</summary>
/// <param name="Path">The image: a path, s3://..., http(s)://... Default: path, image, file, filename or uri, whichever comes first.</param>
/// <param name="Label">Ground truth. Default: label or class, where there is one.</param>
/// <param name="Split">Default: split, where there is one.</param>
/// <param name="Version">The version of an object in S3; where there is none, the newest is read. Default: version_id, where there is one.</param>
/// <param name="Base">The folder that relative paths are relative to. Default: the manifest's own.</param>
internal sealed record ManifestColumns(string? Path, string? Label, string? Split, string? Version, string? Base)
{
    private static readonly string[] Paths = ["path", "image", "file", "filename", "file_name", "uri"], Labels = ["label", "class"], Splits = ["split"], Versions = ["version_id"];

    public static ManifestColumns From(IReadOnlyDictionary<string, string>? options) => new(
        options?.GetValueOrDefault("column.path"), options?.GetValueOrDefault("column.label"), options?.GetValueOrDefault("column.split"),
        options?.GetValueOrDefault("column.version"), options?.GetValueOrDefault("base"));

    /// <summary>The columns that are there under the names that are meant.</summary>
    /// <exception cref="SourceException">A column that was named is not there, or none tells where the image is.</exception>
    public ManifestColumns In(IReadOnlyCollection<string> columns, string manifest)
    {
        foreach (var named in new[] { Path, Label, Split, Version })
            if (named is not null && !columns.Contains(named))
                throw new SourceException($"{manifest} has no column \"{named}\"; it has {string.Join(", ", columns)}.");
        return this with
        {
            Path = Path ?? Paths.FirstOrDefault(columns.Contains)
                ?? throw new SourceException($"{manifest} has no column {string.Join(", ", Paths)}: name the one that tells where the image is with column.path. It has {string.Join(", ", columns)}."),
            Label = Label ?? Labels.FirstOrDefault(columns.Contains),
            Split = Split ?? Splits.FirstOrDefault(columns.Contains),
            Version = Version ?? Versions.FirstOrDefault(columns.Contains),
        };
    }

    /// <summary>Those that a reference is made of: of a table of a thousand columns not all need be read.</summary>
    /// <exception cref="SourceException">As for <see cref="In"/>.</exception>
    public IReadOnlyCollection<string> Needed(IReadOnlyCollection<string> columns, string manifest)
    {
        var meant = In(columns, manifest);
        string[] named = [.. new[] { meant.Path, meant.Label, meant.Split, meant.Version }.OfType<string>().Distinct()];
        return [.. named, .. columns.Except(named).Take(ExplainImagesRules.MaxMetadata)];
    }

    /// <exception cref="SourceException">The row has no path.</exception>
    public ImageReference Reference(IReadOnlyDictionary<string, string> row, string folder, string where)
    {
        if (row.GetValueOrDefault(Path!) is not { Length: > 0 } path)
            throw new SourceException($"{where} has no {Path}.");
        var kind = path.StartsWith("s3://", StringComparison.Ordinal) ? ReferenceKind.S3
            : path.StartsWith("http://", StringComparison.Ordinal) || path.StartsWith("https://", StringComparison.Ordinal) ? ReferenceKind.Http
            : ReferenceKind.File;
        var rest = row.Where(column => column.Key != Path && column.Key != Label && column.Key != Split && column.Key != Version)
            .Take(ExplainImagesRules.MaxMetadata).ToDictionary(column => column.Key, column => column.Value);
        return new ImageReference
        {
            Kind = kind,
            Uri = kind == ReferenceKind.File ? System.IO.Path.GetFullPath(path, folder) : path,
            Label = Label is null ? null : NullIfEmpty(row.GetValueOrDefault(Label)),
            Split = Split is null ? null : NullIfEmpty(row.GetValueOrDefault(Split)),
            Metadata = rest.Count == 0 ? null : rest,
            Stamp = kind == ReferenceKind.S3 && Version is not null && NullIfEmpty(row.GetValueOrDefault(Version)) is { } version ? S3Objects.StampOfVersion(version) : null,
        };

        static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
    }
}
