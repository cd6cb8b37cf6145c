using System.Text.Json.Serialization;
using AgCam.Images;

namespace AgCam.Evaluation.Datasets;

/// <summary>Layout of a dataset on disk.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<DatasetLayout>))]
public enum DatasetLayout
{
    Auto,

    /// <summary>A folder with metadata.jsonl, metadata.csv or metadata.parquet, or that file itself.</summary>
    Metadata,

    /// <summary>A folder per class, without boxes.</summary>
    Folders,

    /// <summary>Annotations/**/*.xml beside Data/ (ILSVRC) or JPEGImages/ (VOC).</summary>
    Voc,

    /// <summary>A COCO JSON file.</summary>
    Coco,

    /// <summary>Test images of CUB-200: images.txt, image_class_labels.txt, bounding_boxes.txt, ...</summary>
    Cub,

    /// <summary>Validation images of ILSVRC: Annotations/CLS-LOC/val and Data/CLS-LOC/val.</summary>
    Ilsvrc,
}

/// <summary>Reads datasets as streams of samples in a fixed order.</summary>
public static class Dataset
{
    /// <param name="path">A folder or an annotation file.</param>
    /// <param name="images">Folder of the images, where it is not beside the annotations.</param>
    /// <exception cref="DatasetException">The dataset does not exist or is invalid. Also thrown during enumeration.</exception>
    public static IEnumerable<Sample> Read(string path, DatasetLayout layout = DatasetLayout.Auto, string? images = null) =>
        Read(path, layout, images, LocalFiles.Instance);

    /// <param name="files">Reads the dataset's files and folders.</param>
    /// <inheritdoc cref="Read(string, DatasetLayout, string?)"/>
    internal static IEnumerable<Sample> Read(string path, DatasetLayout layout, string? images, IFileReader files)
    {
        if (!files.FileExists(path) && !files.FolderExists(path))
            throw new DatasetException($"{path} does not exist. Give a folder of images or an annotation file.");
        if (images is not null && !files.FolderExists(images))
            throw new DatasetException($"The folder of images {images} does not exist.");
        return (layout == DatasetLayout.Auto ? Detect(path, files) : layout) switch
        {
            DatasetLayout.Metadata => MetadataDataset.Read(path, images, files),
            DatasetLayout.Voc => VocDataset.Read(path, images, files),
            DatasetLayout.Ilsvrc => IlsvrcDataset.Read(path, images, files),
            DatasetLayout.Cub => CubDataset.Read(path, images, files),
            DatasetLayout.Coco => CocoDataset.Read(path, images, files),
            _ => FolderDataset.Read(path, files),
        };
    }

    /// <summary>
    /// Returns the metadata file of a folder in the layout <see cref="DatasetLayout.Metadata"/>; null when there is none.
    /// </summary>
    public static string? MetadataFile(string folder) => MetadataDataset.FileIn(folder, LocalFiles.Instance);

    public static DatasetLayout Detect(string path) => Detect(path, LocalFiles.Instance);

    /// <exception cref="DatasetException">The file cannot be read.</exception>
    internal static Stream Open(string file, IFileReader files)
    {
        try
        {
            return files.Open(file).AsStream();
        }
        catch (ImageException unreadable)
        {
            throw new DatasetException(unreadable.Message, unreadable);
        }
    }

    private static DatasetLayout Detect(string path, IFileReader files)
    {
        if (files.FileExists(path))
            return Path.GetExtension(path).ToLowerInvariant() switch
            {
                ".json" => DatasetLayout.Coco,
                ".jsonl" or ".ndjson" or ".csv" or ".tsv" or ".parquet" => DatasetLayout.Metadata,
                _ => throw new DatasetException(
                    $"{path} is not a dataset. Give a folder, a COCO .json, or a metadata .jsonl, .csv or .parquet file."
                ),
            };
        if (MetadataDataset.FileIn(path, files) is not null)
            return DatasetLayout.Metadata;
        if (files.FileExists(Path.Combine(path, CubDataset.Images)) && files.FileExists(Path.Combine(path, CubDataset.Labels)))
            return DatasetLayout.Cub;
        if (files.FolderExists(Path.Combine(path, VocDataset.Annotations, IlsvrcDataset.Validation)))
            return DatasetLayout.Ilsvrc;
        return files.FolderExists(Path.Combine(path, VocDataset.Annotations)) ? DatasetLayout.Voc : DatasetLayout.Folders;
    }
}
