using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using AgCam.Evaluation.Presets;
using AgCam.Models;
using AgCam.Models.Safetensors;
using Xunit;

namespace AgCam.Cli.Tests.Evaluating;

/// <summary>
/// Tests --preset agcam-aaai24 with a small substitute for the weights on a local Hub, and a few images in ILSVRC's layout.
/// </summary>
public sealed class PresetTests : IDisposable
{
    private readonly LocalHub _hub = new() { FormerRepo = PaperPreset.Model, Head = PaperPreset.Revision };
    private readonly TemporaryFolder _cache = new();
    private readonly TemporaryFolder _dataset = new();

    public PresetTests()
    {
        var source = Fixture.Path("models", "timm_vit");
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json")))!.AsObject();
        config["architecture"] = "vit_base_patch16_224";
        config["num_classes"] = 1000;
        config["pretrained_cfg"]!["num_classes"] = 1000;
        config["pretrained_cfg"]!.AsObject().Remove("label_names");
        _hub.Files["config.json"] = Encoding.UTF8.GetBytes(config.ToJsonString());
        using (var file = SafetensorsFile.Open(Path.Combine(source, "model.safetensors")))
        {
            var random = new Random(3);
            var weights = file.Tensors.ToDictionary(tensor => tensor.Key, tensor => (WeightTensor)tensor.Value);
            weights["head.weight"] = MemoryTensor.FromFloat32(
                [1000, 64],
                [.. Enumerable.Range(0, 64_000).Select(_ => random.NextSingle() - 0.5f)]
            );
            weights["head.bias"] = MemoryTensor.FromFloat32([1000], new float[1000]);
            SafetensorsWriter.Write(_cache["model.safetensors"], weights);
        }

        _hub.Files["model.safetensors"] = File.ReadAllBytes(_cache["model.safetensors"]);

        // Only the first and last id are ImageNet's.
        File.WriteAllLines(_cache["classes.txt"], [.. Enumerable.Range(0, 999).Select(i => $"n{1440764 + i:00000000}"), "n15075141"]);
        for (var i = 1; i <= 4; i++)
        {
            SomeImages.Write(_dataset, $"Data/CLS-LOC/val/ILSVRC2012_val_{i:00000000}.png", i);
            Directory.CreateDirectory(_dataset["Annotations/CLS-LOC/val"]);
            File.WriteAllText(
                _dataset[$"Annotations/CLS-LOC/val/ILSVRC2012_val_{i:00000000}.xml"],
                $"<annotation><object><name>n{1440763 + i:00000000}</name><bndbox><xmin>{i}</xmin><ymin>5</ymin>"
                    + $"<xmax>{i + 30}</xmax><ymax>35</ymax></bndbox></object></annotation>"
            );
        }
    }

    public void Dispose()
    {
        _hub.Dispose();
        _cache.Dispose();
        _dataset.Dispose();
    }

    [Fact]
    public void Preset_pins_weights_preprocessing_and_protocol_and_lists_deviations()
    {
        File.WriteAllText(
            _cache["paper.json"],
            """{"source": "some table", "methods": {"agcam": {"abpc": 0.25, "iou": 0.5}, "other": {"iou": 0.4}}}"""
        );
        var outcome = Run(
            "--partial",
            "--classes",
            _cache["classes.txt"],
            "--published",
            _cache["paper.json"],
            "--json",
            "-q",
            "--rows",
            _cache["rows"],
            "--html",
            _cache["page.html"]
        );
        Assert.Equal(0, outcome.Code); // stderr reports the download

        var json = JsonSerializer.Deserialize<JsonElement>(outcome.Output);
        Assert.Equal(4, json.GetProperty("evaluated").GetInt32());
        Assert.Equal(["agcam", "rollout"], json.GetProperty("methods").EnumerateObject().Select(method => method.Name));
        var protocol = json.GetProperty("protocol");
        Assert.Equal(
            ("agcam-aaai24", "paper", 0.5),
            (
                protocol.GetProperty("preset").GetString(),
                protocol.GetProperty("parity").GetString(),
                protocol.GetProperty("threshold").GetDouble()
            )
        );
        Assert.Equal($"{PaperPreset.Model}@{PaperPreset.Revision}", protocol.GetProperty("model").GetString());
        Assert.Contains("224x224;Squash;", protocol.GetProperty("computation").GetString(), StringComparison.Ordinal);
        Assert.Contains(
            "Bilinear;mean=0.5,0.5,0.5;std=0.5,0.5,0.5",
            protocol.GetProperty("computation").GetString(),
            StringComparison.Ordinal
        );
        var other =
            // The model is a substitute.
            $"the model is {PaperPreset.Model}@{PaperPreset.Revision} with other weights than "
            + $"{PaperPreset.Model}@{PaperPreset.Revision}, whose SHA-256 is {PaperPreset.Sha256}";
        Assert.Equal(
            ["4 validation images instead of 50000", "4 classes instead of 1000", "4 classes without exactly 50 images", other],
            protocol.GetProperty("deviations").EnumerateArray().Select(line => line.GetString())
        );

        var published = json.GetProperty("published");
        Assert.Equal("some table", published.GetProperty("source").GetString());
        var abpc = published.GetProperty("methods").GetProperty("agcam").GetProperty("abpc");
        var measured = json.GetProperty("methods").GetProperty("agcam").GetProperty("abpc");
        Assert.Equal(
            (0.25, measured.GetProperty("mean").GetDouble()),
            (abpc.GetProperty("published").GetDouble(), abpc.GetProperty("measured").GetDouble())
        );
        Assert.Equal(
            measured.GetProperty("low").GetDouble() <= 0.25 && measured.GetProperty("high").GetDouble() >= 0.25,
            abpc.GetProperty("insideInterval").GetBoolean()
        );
        Assert.False(published.GetProperty("methods").GetProperty("other").GetProperty("iou").TryGetProperty("measured", out _));
        Assert.Contains("Published and measured results", File.ReadAllText(_cache["page.html"]), StringComparison.Ordinal);

        // The rows contain the pinned values.
        var merged = Agcam.Run("evaluate", "--merge", _cache["rows"], "--published", _cache["paper.json"]);
        Assert.Equal((0, ""), (merged.Code, merged.Errors));
        Assert.Contains("agcam-aaai24, with deviations:", merged.Output, StringComparison.Ordinal);
        Assert.Contains("Published (some table) beside measured", merged.Output, StringComparison.Ordinal);
        Assert.Contains("not measured", merged.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Part_of_the_dataset_is_refused_unless_requested()
    {
        var refused = Run();
        Assert.Equal(2, refused.Code);
        Assert.Contains("4 validation images instead of 50000", refused.Errors, StringComparison.Ordinal);
        Assert.Contains("--partial", refused.Errors, StringComparison.Ordinal);
        var unordered = Run("--partial");
        Assert.Equal(2, unordered.Code);
        Assert.Contains("--classes", unordered.Errors, StringComparison.Ordinal);
        Assert.Empty(_hub.Requests); // refused before the download
    }

    [Theory]
    [InlineData("--threshold", "0.4")]
    [InlineData("--parity", "none")]
    [InlineData("--layout", "voc")]
    [InlineData("--crop-mode", "center")]
    [InlineData("--image-size", "384")]
    [InlineData("--published", "nothing.json")]
    public void Options_that_the_preset_fixes_are_refused(string option, string value)
    {
        var outcome = Run("--partial", "--classes", _cache["classes.txt"], option, value);
        Assert.Equal(2, outcome.Code);
        Assert.StartsWith("agcam: ", outcome.Errors, StringComparison.Ordinal);
        Assert.Empty(outcome.Output);
    }

    [Fact]
    public void Pinned_commit_is_requested()
    {
        Run("--partial", "--classes", _cache["classes.txt"], "--json", "-q");
        Assert.Contains(
            _hub.Requests,
            request =>
                request.Path.Contains($"/revision/{PaperPreset.Revision}", StringComparison.Ordinal)
                || request.Path.Contains($"/resolve/{PaperPreset.Revision}/", StringComparison.Ordinal)
        );
        Assert.DoesNotContain(_hub.Requests, request => request.Path.Contains("/main", StringComparison.Ordinal));
    }

    private Outcome Run(params string[] more) =>
        Agcam.Run(
            ["evaluate", _dataset.Path, "--preset", PaperPreset.Name, .. more],
            "",
            ("HF_ENDPOINT", _hub.Endpoint),
            ("HF_HUB_CACHE", _cache["hub"])
        );
}
