using System.Text.Json;
using AgCam.Models;
using AgCam.Models.Safetensors;

namespace AgCam.Tests.Models;

internal static class Shards
{
    /// <summary>Replaces a model's one file by two shards and their index.</summary>
    public static void Split(Dictionary<string, byte[]> files)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["whole.safetensors"], files["model.safetensors"]);
        files.Remove("model.safetensors");
        using var whole = SafetensorsFile.Open(folder["whole.safetensors"]);
        var map = new Dictionary<string, string>();
        foreach (var (number, names) in whole.Tensors.Keys.Order(StringComparer.Ordinal).Chunk((whole.Tensors.Count + 1) / 2).Index())
        {
            var shard = $"model-{number + 1:00000}-of-00002.safetensors";
            SafetensorsWriter.Write(folder[shard], names.ToDictionary(name => name, name => (WeightTensor)whole.Tensors[name]));
            files[shard] = File.ReadAllBytes(folder[shard]);
            foreach (var name in names)
                map[name] = shard;
        }

        files[SafetensorsWeights.IndexName] = JsonSerializer.SerializeToUtf8Bytes(
            new { metadata = new { total_size = whole.Length }, weight_map = map }
        );
    }
}
