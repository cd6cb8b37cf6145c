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
    public static MetadataColumns? In(IReadOnlyCollection<string> columns) =>
        First(Paths, columns) is { } path ? new MetadataColumns(path, First(Labels, columns), BoxesIn(columns)) : null;

    /// <summary>Returns the column of boxes in the form of <see cref="Annotation.Read(string)"/>; null when there is none.</summary>
    public static string? BoxesIn(IEnumerable<string> columns) => First(Boxes, columns) ?? columns.FirstOrDefault(IsNestedBoxes);

    /// <summary>Returns whether a column can be the one of boxes.</summary>
    public static bool IsBoxes(string column) => BoxesIn([column]) is not null;

    public IReadOnlyCollection<string> Names => [.. new[] { Path, Label, Objects }.OfType<string>()];

    private static string? First(string[] wanted, IEnumerable<string> columns) =>
        wanted
            .Select(name => columns.FirstOrDefault(column => column.Equals(name, StringComparison.OrdinalIgnoreCase)))
            .FirstOrDefault(column => column is not null);

    private static bool IsNestedBoxes(string column) =>
        column.EndsWith(".bbox", StringComparison.Ordinal) || column.EndsWith(".boxes", StringComparison.Ordinal);
}
