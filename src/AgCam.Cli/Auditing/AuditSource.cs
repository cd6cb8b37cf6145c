using AgCam.Evaluation.Datasets;

namespace AgCam.Cli.Auditing;

/// <summary>Images on this machine that an audit explains first.</summary>
/// <param name="Source">Source of the job, such as manifest:/data/pets.csv.</param>
/// <param name="Root">Folder that the job may read.</param>
/// <param name="HasColumns">Whether the images come from a manifest, so that columns can be named.</param>
internal sealed record AuditSource(string Source, string Root, bool HasColumns = false)
{
    /// <param name="labels">parent: the first folder below a folder is the label.</param>
    /// <exception cref="UsageException">The labels do not fit the images.</exception>
    public static AuditSource Of(string path, string? labels)
    {
        var (full, isFolder) = (Path.GetFullPath(path), Directory.Exists(path));
        if (labels is not null && (labels != "parent" || !isFolder))
            throw new UsageException(
                "--labels takes parent for a folder: the first folder below it is the label. Put other labels into a manifest with the "
                    + "columns path and label, and audit the manifest."
            );
        if (labels is not null)
            return new AuditSource($"classes:{full}", full);
        if (isFolder)
            return Dataset.Detect(full) switch
            {
                DatasetLayout.Metadata => new AuditSource($"manifest:{Dataset.MetadataFile(full)}", full, HasColumns: true),
                DatasetLayout.Folders => new AuditSource($"folder:{full}", full),
                _ => new AuditSource($"dataset:{full}", full),
            };
        var folder = Path.GetDirectoryName(full)!;
        // annotations/instances_val2017.json belongs to ../val2017/
        return Path.GetExtension(full).Equals(".json", StringComparison.OrdinalIgnoreCase)
            ? new AuditSource($"dataset:{full}", Path.GetDirectoryName(folder) ?? folder)
            : new AuditSource($"manifest:{full}", folder, HasColumns: true);
    }
}
