namespace AgCam.Evaluation.Datasets;

/// <summary>Columns of the metadata by their role.</summary>
/// <param name="Objects">Column of boxes in the form of <see cref="Annotation.Read(string)"/>.</param>
internal sealed record MetadataColumns(string Path, string? Label, string? Objects)
{
    // The first existing name of each list is used.
    private static readonly string[] Paths = ["file_name", "path", "filename", "image"];
    private static readonly string[] Labels = ["label", "class", "class_name", "category", "wnid"];
    private static readonly string[] Boxes = ["objects", "objects.bbox", "bbox", "boxes"];

    /// <returns>Null without a column of paths.</returns>
    public static MetadataColumns? In(IReadOnlyCollection<string> columns)
    {
        return First(Paths) is { } path
            ? new MetadataColumns(path, First(Labels), First(Boxes) ?? columns.FirstOrDefault(IsNestedBoxes))
            : null;

        string? First(string[] wanted) =>
            wanted
                .Select(name => columns.FirstOrDefault(column => column.Equals(name, StringComparison.OrdinalIgnoreCase)))
                .FirstOrDefault(column => column is not null);
    }

    public IReadOnlyCollection<string> Names => [.. new[] { Path, Label, Objects }.OfType<string>()];

    private static bool IsNestedBoxes(string column) =>
        column.EndsWith(".bbox", StringComparison.Ordinal) || column.EndsWith(".boxes", StringComparison.Ordinal);
}
