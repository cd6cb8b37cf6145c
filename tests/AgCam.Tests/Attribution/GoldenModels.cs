using AgCam.Attribution;
using AgCam.Models;
using AgCam.Native;
using Xunit;
using static TorchSharp.torch;

namespace AgCam.Tests.Attribution;

/// <summary>Every model fixture, against numbers of an independent program.</summary>
public class GoldenModels
{
    static GoldenModels() => NativeBackend.Load();

    public static TheoryData<string> Cases()
    {
        var cases = new TheoryData<string>();
        foreach (var folder in Directory.EnumerateDirectories(Fixture.Path("models")).Order(StringComparer.Ordinal))
            cases.Add(Path.GetFileName(folder));
        return cases;
    }

    [Theory, MemberData(nameof(Cases))]
    public void Logits_equal_the_golden_ones_with_and_without_an_explanation(string name)
    {
        using var test = new LoadedFixture(name);
        using var inference = inference_mode();
        using var pass = test.Model.Forward(test.Golden["input"]);
        Assert.InRange((pass.Logits - test.Golden["logits"]).abs().max().item<float>(), 0, 1e-4);
        Assert.InRange((test.Model.Logits(test.Golden["input"]) - test.Golden["logits"]).abs().max().item<float>(), 0, 1e-4);
    }

    [Theory, MemberData(nameof(Cases))]
    public void Ag_cam_equals_the_golden_maps_for_all_targets_of_one_forward_pass(string name)
    {
        using var test = new LoadedFixture(name);
        using var inference = inference_mode();
        using var pass = test.Model.Forward(test.Golden["input"]);
        var (maps, _) = AttentionGuidedCam.Maps(test.Model, pass, test.Golden["targets"]);
        for (var image = 0; image < maps.shape[0]; image++)
        for (var target = 0; target < maps.shape[1]; target++)
            Assert.InRange(Golden.RelativeError(maps[image, target], test.Golden["agcam"][image, target]), 0, 1e-5);
    }

    [Theory, MemberData(nameof(Cases))]
    public void Rollout_equals_the_golden_maps(string name)
    {
        using var test = new LoadedFixture(name);
        Assert.InRange(Golden.RelativeError(AttentionRollout.Maps(test.Model, test.Golden["input"]), test.Golden["rollout"]), 0, 1e-5);
    }

    [Theory, MemberData(nameof(Cases))]
    public void Generic_attention_relevance_equals_the_golden_maps(string name)
    {
        using var test = new LoadedFixture(name);
        var maps = GenericAttention.Maps(test.Model, test.Golden["input"], test.Golden["targets"].narrow(1, 0, 1)).squeeze(1);
        Assert.InRange(Golden.RelativeError(maps, test.Golden["generic_attention"]), 0, 1e-5);
    }

    /// <summary>
    /// LRP divides by sums that nearly cancel, so float32 does not always determine its maps: on some images the golden float32 numbers lie
    /// tenths away from the same formulas in float64. There, the distance between the two precisions is all that can be asked for.
    /// </summary>
    [Fact]
    public void Transformer_attribution_equals_the_golden_maps_of_plain_models_as_far_as_float32_determines_them()
    {
        var (seen, determined) = (0, 0);
        foreach (var name in Cases().Select(row => row.Data))
        {
            using var test = new LoadedFixture(name);
            if (!test.Golden.Has("transformer_attribution"))
                continue;
            using var wide = new LoadedFixture(name, ScalarType.Float64);
            var (input, target, golden) = (
                test.Golden["input"],
                test.Golden["targets"].narrow(1, 0, 1),
                test.Golden["transformer_attribution"]
            );
            var maps = TransformerAttribution.Maps(test.Model, input, target);
            var exact = TransformerAttribution.Maps(wide.Model, input.to(float64), target);
            for (var i = 0; i < maps.shape[0]; i++)
            {
                var (error, uncertainty) = (Golden.RelativeError(maps[i], golden[i]), Golden.RelativeError(maps[i], exact[i]));
                for (var draw = 0UL; draw < 6 && error > Math.Max(1e-4, 3 * uncertainty); draw++)
                {
                    // What one unit of float32's last place in every input pixel does to the map in float64.
                    var pixels = input.narrow(0, i, 1).to(float64);
                    var nudged = pixels * (1 + 1.2e-7 * randn(pixels.shape, float64, generator: new Generator(draw)));
                    uncertainty = Math.Max(
                        uncertainty,
                        Golden.RelativeError(TransformerAttribution.Maps(wide.Model, nudged, target.narrow(0, i, 1))[0], exact[i])
                    );
                }

                Assert.InRange(error, 0, Math.Max(1e-4, 3 * uncertainty));
                seen++;
                determined += uncertainty < 1e-3 ? 1 : 0;
            }
        }

        Assert.True(determined > 0.7 * seen, $"Only {determined} of {seen} maps are determined to 1e-3: that is no longer rounding.");
    }

    /// <summary>Position embeddings as timm and torchvision resize them.</summary>
    [Theory]
    [InlineData(nameof(PositionResizing.Timm), "timm")]
    [InlineData(nameof(PositionResizing.Torchvision), "torchvision")]
    public void Position_embeddings_resize_as_their_library_does(string how, string suffix)
    {
        var golden = new Golden(Fixture.Path("pos_embed", "golden.safetensors"));
        var names = golden.Names.Where(name => name.EndsWith("|" + suffix, StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(names);
        foreach (var name in names)
        {
            var expected = golden[name];
            var input = golden[name.Split('|')[0] + "|input"];
            var (from, to) = ((int)Math.Sqrt(input.shape[1]), (int)Math.Sqrt(expected.shape[1]));
            var resized = PositionEmbedding.Resize(input, (from, from), (to, to), Enum.Parse<PositionResizing>(how));
            Assert.InRange((resized - expected).abs().max().item<float>(), 0, 1e-5);
        }
    }
}

/// <summary>A model fixture opened the way a user would open it.</summary>
internal sealed class LoadedFixture : IDisposable
{
    public LoadedFixture(string name, ScalarType dtype = ScalarType.Float32)
    {
        var folder = Fixture.Path("models", name);
        var bare = !File.Exists(Path.Combine(folder, "config.json")); // torchvision: 64-pixel input, head dim 64
        using var checkpoint = Checkpoint.Open(
            bare ? Path.Combine(folder, "model.safetensors") : folder,
            bare
                ? new CheckpointOptions
                {
                    Architecture = "vit_b_16",
                    ImageSize = 64,
                    Heads = Width(folder) / 64,
                    Depth = Depth(folder),
                }
                : null
        );
        Model = VisionTransformer.Load(checkpoint, CPU, dtype);
        Golden = new Golden(Path.Combine(folder, "golden.safetensors"));
    }

    public VisionTransformer Model { get; }

    public Golden Golden { get; }

    public void Dispose() => Model.Dispose();

    private static int Width(string folder) => (int)new Golden(Path.Combine(folder, "model.safetensors"))["class_token"].shape[2];

    private static int Depth(string folder) =>
        new Golden(Path.Combine(folder, "model.safetensors")).Names.Count(n => n.EndsWith("ln_1.weight", StringComparison.Ordinal));
}
