using System.IO.Compression;
using AgCam.Evaluation.Datasets;
using AgCam.Heatmaps;
using AgCam.Models.Safetensors;
using AgCam.Tables;

namespace AgCam.Evaluation;

/// <summary>
/// Heatmaps from files, by the key of their image, on any grid: a safetensors or .npz file with a tensor per key, or a folder with KEY.npy.
/// The key may omit the image's extension.
/// </summary>
public sealed class GivenHeatmaps : IDisposable
{
    private readonly Func<string, Heatmap?> _find;
    private readonly IDisposable? _file;

    private GivenHeatmaps(Func<string, Heatmap?> find, IDisposable? file) => (_find, _file) = (find, file);

    /// <exception cref="DatasetException">The path holds no heatmaps.</exception>
    public static GivenHeatmaps Open(string path)
    {
        if (Directory.Exists(path))
            return new GivenHeatmaps(
                key => Path.Combine(path, key + ".npy") is var file && File.Exists(file) ? Read(() => NpyArray.Open(file), file) : null,
                null
            );
        if (!File.Exists(path))
            throw new DatasetException($"The heatmaps {path} do not exist. Give a folder of .npy files, an .npz or a .safetensors file.");
        switch (Path.GetExtension(path).ToLowerInvariant())
        {
            case ".safetensors":
                var tensors = SafetensorsFile.Open(path);
                return new GivenHeatmaps(
                    key =>
                        tensors.Tensors.TryGetValue(key, out var tensor)
                            ? Map([.. tensor.Shape], tensor.ToFloat32(), $"{key} in {path}")
                            : null,
                    tensors
                );
            case ".npz":
                var zip = ZipFile.OpenRead(path);
                return new GivenHeatmaps(key => zip.GetEntry(key + ".npy") is { } entry ? Read(entry, path) : null, zip);
            default:
                throw new DatasetException($"{path} holds no heatmaps. Give a folder of .npy files, an .npz or a .safetensors file.");
        }
    }

    /// <summary>Returns the image's raw map; null where there is none. Not thread-safe.</summary>
    /// <exception cref="DatasetException">The entry is not a map.</exception>
    public Heatmap? Find(string key) => _find(key) ?? _find(Path.ChangeExtension(key, null));

    public void Dispose() => _file?.Dispose();

    /// <summary>Accepts [rows, columns] with any number of leading sides of 1.</summary>
    internal static Heatmap Map(long[] shape, float[] values, string what) =>
        shape.Length >= 2 && shape[..^2].All(side => side == 1) && shape[^2] is >= 1 and <= 1 << 14 && shape[^1] is >= 1 and <= 1 << 14
            ? new Heatmap((int)shape[^2], (int)shape[^1], values)
            : throw new DatasetException($"{what} has the shape [{string.Join(", ", shape)}]. A heatmap needs [rows, columns].");

    private static Heatmap Read(ZipArchiveEntry entry, string path)
    {
        if (entry.Length > 1 << 30)
            throw new DatasetException($"{entry.FullName} in {path} has {entry.Length} bytes, which is not a heatmap's size.");
        using var stream = entry.Open();
        var bytes = new byte[entry.Length];
        stream.ReadExactly(bytes);
        return Read(() => NpyArray.Read(bytes), $"{entry.FullName} in {path}");
    }

    internal static Heatmap Read(Func<NpyArray> open, string what)
    {
        try
        {
            using var array = open();
            return array.IsInteger
                ? throw new DatasetException($"{what} holds integers. A heatmap needs floats.")
                : Map([.. array.Shape], array.ToFloat32(), what);
        }
        catch (TableException broken)
        {
            throw new DatasetException(what + broken.Message, broken);
        }
    }
}
