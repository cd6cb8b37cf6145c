using AgCam.Images;

namespace AgCam.Evaluation.Datasets;

/// <summary>
/// A folder of images with metadata.jsonl, .csv or .parquet: file_name, label, and objects with bbox (x, y, width, height). Images that the
/// file does not list come last, without a label.
/// </summary>
internal static class MetadataDataset
{
    private static readonly string[] Names = ["metadata.jsonl", "metadata.csv", "metadata.parquet"];

    public static string? FileIn(string folder) => Names.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    public static IEnumerable<Sample> Read(string path, string? images)
    {
        var file = File.Exists(path) ? path : FileIn(path)
            ?? throw new DatasetException($"{path} holds none of {string.Join(", ", Names)}.");
        var root = images ?? Path.GetDirectoryName(Path.GetFullPath(file))!;
        var listed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, label, annotation) in Rows(file))
        {
            var key = name.StartsWith("./", StringComparison.Ordinal) ? name[2..] : name;
            if (key.Length == 0)
                throw new DatasetException($"{file}: a row has an empty file_name.");
            if (!listed.Add(key))
            {
                yield return new Sample(Again(key, listed), Path.Combine(root, key)) { Unusable = SkipReason.ListedTwice };
                continue;
            }

            foreach (var sample in annotation.Samples(key, Path.Combine(root, key), label))
                yield return sample;
        }

        foreach (var image in ImageFiles.Find(root))
            if (Path.GetRelativePath(root, image) is var key && !listed.Contains(key))
                yield return new Sample(key, image) { WithoutBoxes = SkipReason.NoBoxes };
    }

    private static IEnumerable<(string Name, string? Label, Annotation Annotation)> Rows(string file) => Path.GetExtension(file).ToLowerInvariant() switch
    {
        ".parquet" => ParquetMetadata.Read(file),
        ".jsonl" or ".ndjson" => JsonMetadata.Read(file),
        _ => CsvMetadata.Read(file),
    };

    private static string Again(string key, HashSet<string> listed)
    {
        var number = 2;
        while (!listed.Add($"{key}#{number}"))
            number++;
        return $"{key}#{number}";
    }
}
