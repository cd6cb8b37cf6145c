using AgCam.Labels;

namespace AgCam.Evaluation.Datasets;

/// <summary>A header with file_name and label; boxes as JSON text in a column objects, objects.bbox or bbox.</summary>
internal static class CsvMetadata
{
    public static IEnumerable<(string Name, string? Label, Annotation Annotation)> Read(string file)
    {
        (int Name, int Label, int Objects)? columns = null;
        foreach (var (line, fields) in CsvLabels.Lines(file))
        {
            if (columns is null)
            {
                columns = (Column(MetadataColumns.Path), Column(MetadataColumns.Label), Column(MetadataColumns.Objects));
                if (columns.Value.Name < 0)
                    throw new DatasetException($"{file} needs a header with file_name; it has {string.Join(", ", fields)}.");
                continue;
            }

            if (columns.Value.Name >= fields.Count)
                throw new DatasetException($"{file}, line {line}: it has {fields.Count} column(s), too few for a file_name.");
            yield return (fields[columns.Value.Name], Field(columns.Value.Label), columns.Value.Objects < 0 ? Annotation.None : Annotation.Read(Field(columns.Value.Objects) ?? ""));

            int Column(string[] names) => names.Select(name => fields.FindIndex(field => field.Trim().Equals(name, StringComparison.OrdinalIgnoreCase))).FirstOrDefault(at => at >= 0, -1);
            string? Field(int at) => at >= 0 && at < fields.Count && fields[at].Trim() is { Length: > 0 } text ? text : null;
        }

        if (columns is null)
            throw new DatasetException($"{file} is empty.");
    }
}
