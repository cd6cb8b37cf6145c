namespace AgCam.Evaluation.Datasets;

/// <summary>Which columns of metadata are what.</summary>
/// <param name="Objects">Boxes, as <see cref="Annotation.Read(string)"/> reads them.</param>
internal sealed record MetadataColumns(string Path, string? Label, string? Objects)
{
    // Of the names that mean the same, the first that is there counts.
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
