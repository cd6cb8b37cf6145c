using AgCam.Heatmaps;
using AgCam.Labels;
using Parquet;
using Parquet.Data;
using Parquet.Schema;

namespace AgCam.Evaluation.Datasets;

/// <summary>Columns file_name and label; boxes as objects.bbox, a list of lists of numbers (or a column of JSON text).</summary>
internal static class ParquetMetadata
{
    public static IEnumerable<(string Name, string? Label, Annotation Annotation)> Read(string file)
    {
        using var stream = File.OpenRead(file);
        var reader = ParquetLabels.Of(file, () => ParquetReader.CreateAsync(stream));
        try
        {
            var fields = reader.Schema.DataFields;
            var name = Find(MetadataColumns.Path, 0) ?? throw new DatasetException($"{file} has no column file_name; it has {string.Join(", ", fields.Select(f => f.Path))}.");
            var label = Find(MetadataColumns.Label, 0);
            var boxes = fields.FirstOrDefault(f => f.MaxRepetitionLevel == 2 && Segments(f).Any(segment => segment is "bbox" or "boxes"));
            var text = boxes is null ? Find(MetadataColumns.Objects, 0) : null;
            for (var group = 0; group < reader.RowGroupCount; group++)
            {
                using var rows = reader.OpenRowGroupReader(group);
                var names = ParquetLabels.Of(file, () => ParquetLabels.Texts(rows, name, file));
                var labels = label is null ? null : ParquetLabels.Of(file, () => ParquetLabels.Texts(rows, label, file));
                var annotations = boxes is not null ? ParquetLabels.Of(file, () => Boxes(file, rows, boxes))
                    : text is not null ? [.. ParquetLabels.Of(file, () => ParquetLabels.Texts(rows, text, file)).Select(Annotation.Read)]
                    : Enumerable.Repeat(Annotation.None, names.Length).ToList();
                if (annotations.Count != names.Length)
                    throw new DatasetException($"{file}: {names.Length} names and {annotations.Count} lists of boxes do not go together.");
                for (var i = 0; i < names.Length; i++)
                    yield return (names[i], labels?[i] is { Length: > 0 } given ? given : null, annotations[i]);
            }

            DataField? Find(string[] wanted, int repetition) =>
                wanted.Select(column => fields.FirstOrDefault(f => f.Path.ToString() == column && f.MaxRepetitionLevel == repetition)).FirstOrDefault(f => f is not null);
        }
        finally
        {
            reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    /// <summary>Repetition 0 begins a row, 1 a box, 2 its next number; below the full definition there is no number.</summary>
    private static async Task<List<Annotation>> Boxes(string file, ParquetRowGroupReader rows, DataField field)
    {
        var (values, definitions, repetitions) = await Numbers(file, rows, field);
        var found = new List<(List<List<double>> Boxes, int Definition)>();
        var next = 0;
        for (var i = 0; i < repetitions.Length; i++)
        {
            if (repetitions[i] == 0)
                found.Add(([], definitions[i]));
            if (definitions[i] < field.MaxDefinitionLevel)
                continue;
            if (repetitions[i] < 2)
                found[^1].Boxes.Add([]);
            found[^1].Boxes[^1].Add(values[next++]);
        }

        return [.. found.Select(row =>
            row.Boxes.Count == 0 ? new Annotation([], row.Definition <= 1 ? SkipReason.NoBoxes : SkipReason.EmptyAnnotation)
            : row.Boxes.Any(box => box.Count != 4 || !box.All(double.IsFinite)) ? Annotation.Broken
            : new Annotation([.. row.Boxes.Select(box => ((string?)null, new BoundingBox(box[0], box[1], box[2], box[3])))], null))];
    }

    private static async Task<(double[] Values, int[] Definitions, int[] Repetitions)> Numbers(string file, ParquetRowGroupReader rows, DataField field)
    {
        using var column = await rows.ReadRawColumnDataBaseAsync(field);
        double[] values = column switch
        {
            RawColumnData<double> d => d.Values.ToArray(),
            RawColumnData<float> f => [.. f.Values.ToArray().Select(v => (double)v)],
            RawColumnData<long> l => [.. l.Values.ToArray().Select(v => (double)v)],
            RawColumnData<int> n => [.. n.Values.ToArray().Select(v => (double)v)],
            _ => throw new DatasetException($"{file}: {field.Path} holds {field.ClrType.Name}; numbers are needed."),
        };
        return (values, column.DefinitionLevels.ToArray(), column.RepetitionLevels.ToArray());
    }

    private static string[] Segments(DataField field) => field.Path.ToString().Split('/', '.');
}
