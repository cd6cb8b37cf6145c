using System.Security.Cryptography;

namespace AgCam.Models.Safetensors;

/// <summary>Opens a checkpoint's tensors: one safetensors file, or the shards in model.safetensors.index.json.</summary>
public sealed class SafetensorsWeights : IDisposable
{
    public const string SingleName = "model.safetensors";
    public const string IndexName = "model.safetensors.index.json";
    private const int MaxShards = 1_000;

    private readonly List<SafetensorsFile> _files = [];
    private readonly Dictionary<string, WeightTensor> _tensors = new(StringComparer.Ordinal);

    private SafetensorsWeights() { }

    /// <summary>Tensors by stored name.</summary>
    public IReadOnlyDictionary<string, WeightTensor> Tensors => _tensors;

    /// <summary>Files in the order of their names.</summary>
    public IReadOnlyList<SafetensorsFile> Files => _files;

    public static SafetensorsWeights OpenFile(string path) => Open([path]);

    /// <summary>Opens every shard and checks that index and shards name the same tensors.</summary>
    public static SafetensorsWeights OpenIndex(string path)
    {
        var shardOf = ConfigJson.Read(path).Section("weight_map").Strings();
        var shards = ShardsOf(path);
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var weights = Open([.. shards.Select(shard => Path.Combine(folder, shard))]);
        var stray = shardOf
            .Where(entry => !weights.IsIn(entry.Key, entry.Value))
            .Select(entry => entry.Key)
            .Concat(weights.Tensors.Keys.Where(name => !shardOf.ContainsKey(name)))
            .Take(20)
            .ToList();
        if (stray.Count == 0)
            return weights;
        weights.Dispose();
        throw new ModelException(
            ModelFailure.Corrupt,
            $"{path} and its shards disagree about {string.Join(", ", stray.Select(PrintableName.Of))}. Download the model again."
        );
    }

    /// <summary>Returns the files in an index, in the order of their names.</summary>
    internal static IReadOnlyList<string> ShardsOf(string indexPath)
    {
        var shards = ConfigJson
            .Read(indexPath)
            .Section("weight_map")
            .Strings()
            .Values.Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal)
            .ToList();
        if (shards.Count is 0 or > MaxShards)
            throw new ModelException(
                ModelFailure.Corrupt,
                $"{indexPath} lists {shards.Count} shards; 1 to {MaxShards} are allowed. Download the model again."
            );
        // The index is untrusted and must not point outside its folder.
        foreach (var shard in shards)
            if (shard is "" or "." or ".." || shard.AsSpan().IndexOfAny('/', '\\', '\0') >= 0)
                throw new ModelException(
                    ModelFailure.Corrupt,
                    $"{indexPath} names the shard {PrintableName.Of(shard)}, which is not a plain file name. Download the model again."
                );
        return shards;
    }

    /// <summary>
    /// Returns the hexadecimal SHA-256 of the file; for shards, of the lines "hash name" in the order of their names. Reads every byte.
    /// </summary>
    public async Task<string> HashAsync(CancellationToken cancellationToken = default)
    {
        var hashes = new List<string>();
        foreach (var file in _files)
        {
            await using var stream = new FileStream(
                file.Path,
                FileMode.Open,
                FileAccess.Read,
                FileShare.Read | FileShare.Delete,
                1 << 20,
                FileOptions.SequentialScan
            );
            hashes.Add(Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancellationToken)));
        }

        if (hashes.Count == 1)
            return hashes[0];
        var lines = string.Concat(hashes.Zip(_files, (hash, file) => $"{hash} {Path.GetFileName(file.Path)}\n"));
        return Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(lines)));
    }

    public void Dispose() => _files.ForEach(file => file.Dispose());

    private static SafetensorsWeights Open(IReadOnlyList<string> paths)
    {
        var weights = new SafetensorsWeights();
        try
        {
            foreach (var path in paths)
            {
                var file = SafetensorsFile.Open(path);
                weights._files.Add(file);
                foreach (var (name, tensor) in file.Tensors)
                    if (!weights._tensors.TryAdd(name, tensor))
                        throw new ModelException(
                            ModelFailure.Corrupt,
                            $"{path} and another shard both hold {PrintableName.Of(name)}. Download the model again."
                        );
            }

            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    private bool IsIn(string name, string shard) => _files.First(file => Path.GetFileName(file.Path) == shard).Tensors.ContainsKey(name);
}
