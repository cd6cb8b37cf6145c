using System.Text.Json.Nodes;
using AgCam.Models;
using AgCam.Models.Safetensors;

namespace AgCam.Testing;

/// <summary>Writes a small model whose classifier reads the mean of the patches.</summary>
internal static class AveragingModel
{
    /// <summary>Writes the plain fixture, configured to classify the mean of the patches.</summary>
    public static TemporaryFolder Write(bool normedAfterwards)
    {
        var folder = new TemporaryFolder();
        var source = Fixture.Path("models", "timm_vit");
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json")))!.AsObject();
        config["global_pool"] = "avg";
        File.WriteAllText(folder["config.json"], config.ToJsonString());
        using var file = SafetensorsFile.Open(Path.Combine(source, "model.safetensors"));
        SafetensorsWriter.Write(
            folder["model.safetensors"],
            file.Tensors.ToDictionary(
                tensor => normedAfterwards && tensor.Key.StartsWith("norm.", StringComparison.Ordinal) ? "fc_" + tensor.Key : tensor.Key,
                tensor => (WeightTensor)tensor.Value
            )
        );
        return folder;
    }
}
