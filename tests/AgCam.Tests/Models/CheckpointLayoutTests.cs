using AgCam.Models;
using AgCam.Models.Layouts;
using AgCam.Models.Safetensors;
using AgCam.Preprocessing;
using Xunit;

namespace AgCam.Tests.Models;

/// <summary>Tests that every layout gives the same canonical weights.</summary>
public class CheckpointLayoutTests
{
    private static readonly CheckpointOptions Torchvision = new() { Architecture = "vit_b_16", Heads = 2 };

    public static TheoryData<string> Cases =>
        [
            "timm_vit",
            "timm_vit_f16",
            "timm_vit_bf16",
            "timm_vit_patch8_96",
            "timm_deit_distilled",
            "timm_deit3_layerscale",
            "timm_registers",
            "timm_clip_quickgelu",
            "hf_vit",
            "hf_vit_v5",
            "torchvision_vit",
        ];

    private static Checkpoint Open(string name) =>
        Checkpoint.Open(Fixture.Path("models", name), name == "torchvision_vit" ? Torchvision : null);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_layout_gives_exactly_the_canonical_weights(string name)
    {
        using var checkpoint = Open(name);
        var expected = CanonicalWeights.Of(checkpoint.Config);
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), checkpoint.Weights.Keys.Order(StringComparer.Ordinal));
        foreach (var (key, shape) in expected)
        {
            Assert.Equal(shape, checkpoint.Weights[key].Shape);
            Assert.Equal(checkpoint.Weights[key].ByteLength, checkpoint.Weights[key].Bytes.Length);
            Assert.All(checkpoint.Weights[key].ToFloat32(), value => Assert.True(float.IsFinite(value)));
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_stored_number_is_kept(string name)
    {
        using var checkpoint = Open(name);
        using var file = SafetensorsFile.Open(Fixture.Path("models", name, "model.safetensors"));
        Assert.Equal(file.Tensors.Values.Sum(tensor => tensor.ElementCount), checkpoint.Weights.Values.Sum(tensor => tensor.ElementCount));
        var stored = file.Tensors.Values.Sum(tensor => tensor.ToFloat32().Sum(value => (double)value));
        Assert.Equal(stored, checkpoint.Weights.Values.Sum(tensor => tensor.ToFloat32().Sum(value => (double)value)), 6);
    }

    [Theory]
    [InlineData(
        "hf_vit",
        "vit.encoder.layer.1.attention.attention.query",
        "vit.encoder.layer.1.attention.attention.key",
        "vit.encoder.layer.1.attention.attention.value"
    )]
    [InlineData("hf_vit_v5", "vit.layers.1.attention.q_proj", "vit.layers.1.attention.k_proj", "vit.layers.1.attention.v_proj")]
    public void Query_key_and_value_are_joined_in_that_order(string name, string query, string key, string value)
    {
        using var checkpoint = Open(name);
        using var file = SafetensorsFile.Open(Fixture.Path("models", name, "model.safetensors"));
        foreach (var part in new[] { "weight", "bias" })
        {
            float[] expected =
            [
                .. file.Tensors[$"{query}.{part}"].ToFloat32(),
                .. file.Tensors[$"{key}.{part}"].ToFloat32(),
                .. file.Tensors[$"{value}.{part}"].ToFloat32(),
            ];
            Assert.Equal(expected, checkpoint.Weights[$"blocks.1.attn.qkv.{part}"].ToFloat32());
        }
    }

    [Fact]
    public void Values_missing_from_the_weights_come_from_the_configuration()
    {
        using var timm = Open("timm_vit");
        Assert.Equal(
            (4, 4, 64, 16, 10, 1e-6),
            (
                timm.Config.Heads,
                timm.Config.Depth,
                timm.Config.Width,
                timm.Config.PatchSize,
                timm.Config.Classes,
                timm.Config.LayerNormEpsilon
            )
        );
        using var clip = Open("timm_clip_quickgelu");
        Assert.Equal((true, Activation.QuickGelu, 1e-5), (clip.Config.PreNorm, clip.Config.Activation, clip.Config.LayerNormEpsilon));
        using var hf = Open("hf_vit");
        Assert.Equal((4, 1e-12, PositionResizing.HuggingFace), (hf.Config.Heads, hf.Config.LayerNormEpsilon, hf.Config.PositionResizing));
        using var torchvision = Open("torchvision_vit");
        Assert.Equal(
            (2, 1e-6, 64, PositionResizing.Torchvision),
            (
                torchvision.Config.Heads,
                torchvision.Config.LayerNormEpsilon,
                torchvision.Config.ImageHeight,
                torchvision.Config.PositionResizing
            )
        );
        using var registers = Open("timm_registers");
        Assert.Equal(
            (4, 5, false, true),
            (registers.Config.Registers, registers.Config.PrefixTokens, registers.Config.PrefixHasPosition, registers.Config.LayerScale)
        );
        using var distilled = Open("timm_deit_distilled");
        Assert.Equal((true, 2, true), (distilled.Config.Distilled, distilled.Config.PrefixTokens, distilled.Config.PrefixHasPosition));
        using var deit3 = Open("timm_deit3_layerscale");
        Assert.Equal((true, false), (deit3.Config.LayerScale, deit3.Config.PrefixHasPosition));
    }

    [Fact]
    public void Half_precision_is_read_without_rounding()
    {
        using var f16 = Open("timm_vit_f16");
        using var bf16 = Open("timm_vit_bf16");
        Assert.All(f16.Weights.Values, tensor => Assert.Equal(DType.F16, tensor.DType));
        Assert.All(bf16.Weights.Values, tensor => Assert.Equal(DType.BF16, tensor.DType));
        Assert.All(f16.Weights["head.weight"].ToFloat32(), value => Assert.Equal(value, (float)(Half)value));
        Assert.All(bf16.Weights["head.weight"].ToFloat32(), value => Assert.Equal(0u, BitConverter.SingleToUInt32Bits(value) & 0xFFFF));
    }

    [Fact]
    public void Classes_and_preprocessing_come_from_the_checkpoint()
    {
        using var hf = Open("hf_vit");
        Assert.Equal(["anchor", "bell", "comet", "drum", "ember", "fern", "gate", "harp", "iris", "jade"], hf.ClassNames);
        Assert.Equal(
            (CropMode.Squash, 64, Interpolation.Bilinear),
            (hf.Preprocessing.CropMode, hf.Preprocessing.InputHeight, hf.Preprocessing.Interpolation)
        );
        using var timm = Open("timm_vit");
        Assert.Equal(hf.ClassNames, timm.ClassNames);
        Assert.Equal(
            (CropMode.Center, 64, 71, Interpolation.Bicubic),
            (timm.Preprocessing.CropMode, timm.Preprocessing.InputHeight, timm.Preprocessing.ResizeHeight, timm.Preprocessing.Interpolation)
        ); // floor(64 / 0.9) = 71
        Assert.Equal([0.5f, 0.5f, 0.5f], timm.Preprocessing.Mean);
    }

    /// <summary>Renames a fixture's weights to layouts that no fixture has.</summary>
    [Fact]
    public void Distilled_DeiT_of_Hugging_Face_equals_that_of_timm()
    {
        using var timm = Open("timm_deit_distilled");
        using var folder = new TemporaryFolder();
        var stored = new Dictionary<string, WeightTensor>();
        foreach (var (name, tensor) in timm.Weights)
        {
            var part = name.EndsWith(".bias", StringComparison.Ordinal) ? ".bias" : ".weight";
            if (!name.Contains("attn.qkv", StringComparison.Ordinal))
            {
                stored[HuggingFaceName(name)] = tensor;
                continue;
            }

            var values = tensor.ToFloat32();
            var third = values.Length / 3;
            long[] shape = [tensor.Shape[0] / 3, .. tensor.Shape.Skip(1)];
            foreach (var (index, projection) in new[] { "query", "key", "value" }.Index())
                stored[$"deit.encoder.layer.{name.Split('.')[1]}.attention.attention.{projection}{part}"] = MemoryTensor.FromFloat32(
                    shape,
                    values.AsSpan(index * third, third)
                );
        }

        stored["deit.embeddings.mask_token"] = MemoryTensor.FromFloat32([1, 1, 64], new float[64]);
        SafetensorsWriter.Write(folder["model.safetensors"], stored);
        File.WriteAllText(
            folder["config.json"],
            """
            {"architectures":["DeiTForImageClassificationWithTeacher"],"model_type":"deit","hidden_size":64,"num_hidden_layers":3,
             "num_attention_heads":4,"intermediate_size":256,"image_size":64,"patch_size":16,"hidden_act":"gelu","layer_norm_eps":1e-12,
             "id2label":{"0":"a","1":"b","2":"c","3":"d","4":"e","5":"f","6":"g","7":"h","8":"i","9":"j"}}
            """
        );
        using var checkpoint = Checkpoint.Open(folder.Path);
        Assert.True(checkpoint.Config.Distilled);
        Assert.Equal(timm.Weights.Keys.Order(), checkpoint.Weights.Keys.Order());
        Assert.All(timm.Weights, pair => Assert.True(pair.Value.Bytes.SequenceEqual(checkpoint.Weights[pair.Key].Bytes), pair.Key));
    }

    private static string HuggingFaceName(string canonical)
    {
        foreach (
            var (from, to) in new[]
            {
                ("cls_token", "deit.embeddings.cls_token"),
                ("dist_token", "deit.embeddings.distillation_token"),
                ("pos_embed", "deit.embeddings.position_embeddings"),
                ("patch_embed.proj.", "deit.embeddings.patch_embeddings.projection."),
                ("head_dist.", "distillation_classifier."),
                ("head.", "cls_classifier."),
                ("norm.", "deit.layernorm."),
            }
        )
            if (canonical.StartsWith(from, StringComparison.Ordinal))
                return to + canonical[from.Length..];
        return canonical
            .Replace("blocks.", "deit.encoder.layer.", StringComparison.Ordinal)
            .Replace(".norm1.", ".layernorm_before.", StringComparison.Ordinal)
            .Replace(".norm2.", ".layernorm_after.", StringComparison.Ordinal)
            .Replace(".attn.proj.", ".attention.output.dense.", StringComparison.Ordinal)
            .Replace(".mlp.fc1.", ".intermediate.dense.", StringComparison.Ordinal)
            .Replace(".mlp.fc2.", ".output.dense.", StringComparison.Ordinal);
    }

    [Fact]
    public void Older_names_of_torchvision_are_known()
    {
        using var folder = new TemporaryFolder();
        using var file = SafetensorsFile.Open(Fixture.Path("models", "torchvision_vit", "model.safetensors"));
        SafetensorsWriter.Write(
            folder["older.safetensors"],
            file.Tensors.ToDictionary(
                pair =>
                    pair.Key.Replace("mlp.0.", "mlp.linear_1.", StringComparison.Ordinal)
                        .Replace("mlp.3.", "mlp.linear_2.", StringComparison.Ordinal),
                pair => (WeightTensor)pair.Value
            )
        );
        using var newer = Open("torchvision_vit");
        using var older = Checkpoint.Open(folder["older.safetensors"], Torchvision);
        Assert.All(newer.Weights, pair => Assert.True(pair.Value.Bytes.SequenceEqual(older.Weights[pair.Key].Bytes), pair.Key));
    }

    [Fact]
    public void Bare_hugging_face_file_requests_its_configuration()
    {
        using var folder = new TemporaryFolder();
        File.Copy(Fixture.Path("models", "hf_vit", "model.safetensors"), folder["bare.safetensors"]);
        foreach (var architecture in new[] { "vit_base_patch16_224", null })
        {
            var options = new CheckpointOptions { Architecture = architecture };
            var error = Assert.Throws<ModelException>(() => Checkpoint.Open(folder["bare.safetensors"], options));
            Assert.Contains("config.json", error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("Give CheckpointOptions.Architecture", error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("CheckpointOptions.Architecture,", error.Message, StringComparison.Ordinal);
        }
    }
}
