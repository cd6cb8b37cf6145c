using System.Text.Json.Nodes;

namespace AgCam.Testing;

/// <summary>Writes a model for 64 x 64 pixels with other sizes in its configuration.</summary>
internal static class SizedModel
{
    /// <summary>Writes the plain fixture with these sizes in its configuration.</summary>
    public static void Write(TemporaryFolder folder, int? size, int? pretrained, bool dynamic = false)
    {
        var source = Fixture.Path("models", "timm_vit");
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json")))!;
        config["model_args"]!.AsObject().Remove("img_size");
        config["pretrained_cfg"]!.AsObject().Remove("input_size");
        if (size is { } built)
            config["model_args"]!["img_size"] = built;
        if (pretrained is { } before)
            config["pretrained_cfg"]!["input_size"] = new JsonArray(3, before, before);
        if (dynamic)
            config["model_args"]!["dynamic_img_size"] = true;
        File.WriteAllText(folder["config.json"], config.ToJsonString());
        File.Copy(Path.Combine(source, "model.safetensors"), folder["model.safetensors"], overwrite: true);
    }
}
