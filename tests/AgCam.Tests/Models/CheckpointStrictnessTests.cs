using System.Text.Json.Nodes;
using AgCam.Models;
using AgCam.Models.Safetensors;
using AgCam.Preprocessing;
using Xunit;

namespace AgCam.Tests.Models;

/// <summary>Tests that a model that does not fit is refused with every fault.</summary>
public sealed class CheckpointStrictnessTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Opens a copy of a fixture with changed tensors and configuration.</summary>
    private Checkpoint OpenChanged(
        string name,
        Action<Dictionary<string, WeightTensor>>? weights = null,
        Action<JsonObject>? config = null,
        CheckpointOptions? options = null,
        Action<JsonObject>? processor = null
    )
    {
        using (var file = SafetensorsFile.Open(Fixture.Path("models", name, "model.safetensors")))
        {
            var tensors = file.Tensors.ToDictionary(pair => pair.Key, pair => (WeightTensor)pair.Value);
            weights?.Invoke(tensors);
            SafetensorsWriter.Write(_folder["model.safetensors"], tensors, file.Metadata);
        }

        Change("config.json", config);
        Change("preprocessor_config.json", processor);
        return Checkpoint.Open(_folder.Path, options);

        void Change(string part, Action<JsonObject>? change)
        {
            var path = Fixture.Path("models", name, part);
            if (!File.Exists(path))
                return;
            var json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
            change?.Invoke(json);
            File.WriteAllText(_folder[part], json.ToJsonString());
        }
    }

    private ModelException Refused(
        string name,
        Action<Dictionary<string, WeightTensor>>? weights = null,
        Action<JsonObject>? config = null,
        CheckpointOptions? options = null
    ) => Assert.Throws<ModelException>(() => OpenChanged(name, weights, config, options).Dispose());

    private static MemoryTensor Zeros(params long[] shape) =>
        MemoryTensor.FromFloat32(shape, new float[shape.Aggregate(1L, (a, b) => a * b)]);

    [Fact]
    public void Missing_unexpected_and_misshapen_keys_are_listed_together()
    {
        var error = Refused(
            "timm_vit",
            weights =>
            {
                weights.Remove("blocks.2.mlp.fc1.weight");
                weights.Remove("norm.bias");
                weights["blocks.0.attn.extra"] = Zeros(3);
                weights["blocks.4.norm1.weight"] = Zeros(64);
                weights["head.bias"] = Zeros(11);
            }
        );
        Assert.Equal(ModelFailure.KeysDoNotMatch, error.Reason);
        Assert.Contains("Missing (2): blocks.2.mlp.fc1.weight, norm.bias", error.Message, StringComparison.Ordinal);
        Assert.Contains("Unexpected (2): 'blocks.0.attn.extra', 'blocks.4.norm1.weight'", error.Message, StringComparison.Ordinal);
        Assert.Contains("Misshapen (1): head.bias is [11] instead of [10]", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hf_vit", "vit.encoder.layer.1.attention.attention.key.weight")]
    [InlineData("hf_vit_v5", "vit.layers.1.attention.k_proj.weight")]
    public void Missing_key_projection_is_a_missing_qkv(string name, string key)
    {
        var error = Refused(name, weights => weights.Remove(key));
        Assert.Contains("Missing (1): blocks.1.attn.qkv.weight", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Weight_under_two_names_is_refused()
    {
        var error = Refused("hf_vit", weights => weights["embeddings.cls_token"] = weights["vit.embeddings.cls_token"]);
        Assert.Equal(ModelFailure.KeysDoNotMatch, error.Reason);
        Assert.Contains("embeddings.cls_token", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("module.")]
    [InlineData("model.")]
    [InlineData("module.model.")]
    [InlineData("_orig_mod.module.")]
    public void Prefixes_of_wrappers_are_removed(string prefix)
    {
        using var checkpoint = OpenChanged(
            "timm_vit",
            weights =>
            {
                foreach (var (name, tensor) in weights.ToList())
                {
                    weights.Remove(name);
                    weights[prefix + name] = tensor;
                }
            }
        );
        using var original = Checkpoint.Open(Fixture.Path("models", "timm_vit"));
        Assert.Equal(original.Weights.Keys.Order(), checkpoint.Weights.Keys.Order());
    }

    [Theory]
    [InlineData("blocks.0.attn.norm.weight", "normalises inside its attention")] // BEiT3, EVA-02 CLIP
    [InlineData("blocks.1.mlp.norm.weight", "normalises inside its MLP")] // BEiT3, EVA-02
    [InlineData("patch_embed.backbone.stem.conv.weight", "convolutional stem")]
    [InlineData("vision_model.embeddings.class_embedding", "embedding")]
    [InlineData("attn_pool.latent", "pools by attention")]
    [InlineData("blocks.0.mlp.w12.weight", "SwiGLU")]
    [InlineData("blocks.0.mlp.fc1_g.weight", "SwiGLU")]
    [InlineData("logit_scale", "embedding")]
    [InlineData("blocks.0.attn.relative_position_bias_table", "relative positions")]
    public void Unsupported_weights_are_refused_with_the_reason(string key, string why)
    {
        var error = Refused("timm_vit", weights => weights[key] = Zeros(64));
        Assert.Equal(ModelFailure.UnsupportedArchitecture, error.Reason);
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_reason_in_the_weights_is_listed()
    {
        var error = Refused(
            "timm_vit",
            weights =>
            {
                weights["blocks.0.attn.norm.weight"] = Zeros(64);
                weights["blocks.0.mlp.norm.weight"] = Zeros(256);
            }
        );
        Assert.Contains("(it holds 'blocks.0.attn.norm.weight'); it normalises inside its MLP", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Gated_mlp_in_one_matrix_is_refused_with_the_reason()
    {
        var error = Refused(
            "timm_vit",
            weights =>
            {
                weights["blocks.0.mlp.fc1.weight"] = Zeros(512, 64);
                weights["blocks.0.mlp.fc1.bias"] = Zeros(512);
            }
        );
        Assert.Equal(ModelFailure.UnsupportedArchitecture, error.Reason);
        Assert.Contains("its MLP is gated", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Normalisations_without_bias_are_refused_with_the_reason()
    {
        var error = Refused(
            "timm_vit",
            weights =>
            {
                foreach (var name in weights.Keys.Where(name => name.EndsWith(".norm1.bias", StringComparison.Ordinal)).ToList())
                    weights.Remove(name);
            }
        );
        Assert.Equal(ModelFailure.UnsupportedArchitecture, error.Reason);
        Assert.Contains("RMSNorm", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("avg", true)]
    [InlineData("map", false)]
    [InlineData("max", false)]
    [InlineData("avgmax", false)]
    public void Average_pooling_is_refused_and_another_method_is_named_only_if_it_fits(string pool, bool pooledFits)
    {
        foreach (var name in new[] { "norm.", "fc_norm." })
        {
            void Rename(Dictionary<string, WeightTensor> weights)
            {
                foreach (var part in new[] { "weight", "bias" })
                    if (weights.Remove("norm." + part, out var norm))
                        weights[name + part] = norm;
            }

            var error = Refused("timm_vit", Rename, config => config["global_pool"] = pool);
            Assert.Equal(ModelFailure.UnsupportedArchitecture, error.Reason);
            Assert.Contains("no gradient", error.Message, StringComparison.Ordinal);
            Assert.Equal(pooledFits, error.Message.Contains("agcam-pooled", StringComparison.Ordinal));
            Assert.Equal(pooledFits, error.Message.Contains("averages the patches", StringComparison.Ordinal));
            var pooled = new CheckpointOptions { Pooled = true };
            if (pooledFits)
                OpenChanged("timm_vit", Rename, config => config["global_pool"] = pool, pooled).Dispose();
            else
                Assert.Equal(error.Message, Refused("timm_vit", Rename, config => config["global_pool"] = pool, pooled).Message);
        }
    }

    [Fact]
    public void Weights_that_normalise_after_pooling_contradict_a_classifier_of_the_class_token()
    {
        var error = Refused("timm_vit", weights => (weights["fc_norm.weight"], weights["fc_norm.bias"]) = (Zeros(64), Zeros(64)));
        Assert.Equal(ModelFailure.BadConfiguration, error.Reason);
        Assert.Contains("fc_norm", error.Message, StringComparison.Ordinal);
        Assert.Contains("global_pool", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("averages", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Classifier_under_another_name_is_not_reported_as_missing()
    {
        var error = Refused(
            "timm_vit",
            weights =>
            {
                foreach (var part in new[] { "weight", "bias" })
                {
                    weights["head.fc." + part] = weights["head." + part];
                    weights.Remove("head." + part);
                }
            }
        );
        Assert.Equal(ModelFailure.UnsupportedArchitecture, error.Reason);
        Assert.Contains("'head.fc.", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("without a classifier", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hf_vit", false)]
    [InlineData("timm_vit", true)]
    public void Architecture_is_requested_only_when_it_helps(string model, bool helps)
    {
        var error = Refused(
            model,
            weights => weights.Remove(weights.Keys.Single(name => name.EndsWith("cls_token", StringComparison.Ordinal)))
        );
        Assert.Equal(ModelFailure.KeysDoNotMatch, error.Reason);
        Assert.Equal(helps, error.Message.Contains("CheckpointOptions.Architecture", StringComparison.Ordinal));
    }

    [Fact]
    public void Bare_clip_embedding_is_no_classifier()
    {
        var named = new CheckpointOptions { ClassNames = [.. Enumerable.Range(0, 512).Select(i => $"kind {i}")] };
        OpenChanged("timm_clip_quickgelu", weights => Widen(weights, 512), config => Unnamed(config, 512), named).Dispose();
        File.Delete(_folder["config.json"]);
        var options = new CheckpointOptions { Architecture = "vit_base_patch16_clip_quickgelu_224", Heads = 4 };
        Assert.Equal(ModelFailure.NoClassifier, Assert.Throws<ModelException>(() => Checkpoint.Open(_folder.Path, options)).Reason);
    }

    [Theory]
    [InlineData("vit_base_patch16_gap_224")]
    [InlineData("eva02_base_patch14_224")]
    [InlineData("vit_base_patch16_siglip_224")]
    [InlineData("vit_small_patch16_dinov3")]
    [InlineData("vit_small_patch16_rope_224")]
    [InlineData("beit_base_patch16_224")]
    [InlineData("vit_giant_patch14_reg4_dinov2")]
    public void Architectures_without_a_class_token_to_follow_are_refused_by_name(string name) =>
        Assert.Equal(ModelFailure.UnsupportedArchitecture, Assert.Throws<ModelException>(() => NamedArchitectures.Find(name)).Reason);

    [Theory]
    [InlineData("vit_enormous_patch16_224")]
    [InlineData("vit_base_patch16_xyz_224")]
    [InlineData("gpt2")]
    [InlineData("")]
    public void Unknown_architecture_is_refused_with_examples(string name)
    {
        var error = Assert.Throws<ModelException>(() => NamedArchitectures.Find(name));
        Assert.Equal(ModelFailure.UnknownArchitecture, error.Reason);
        Assert.Contains("vit_base_patch16_224", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Named_architectures_have_their_published_shapes()
    {
        Check("vit_base_patch16_224.augreg2_in21k_ft_in1k", 768, 12, 12, 64, 224, 1e-6, 1);
        Check("vit_large_patch16_384", 1024, 24, 16, 64, 384, 1e-6, 1);
        Check("vit_huge_patch14_224", 1280, 32, 16, 80, 224, 1e-6, 1);
        Check("vit_giant_patch14_clip_224", 1408, 40, 16, 88, 224, 1e-5, 1);
        Check("deit_base_distilled_patch16_384", 768, 12, 12, 64, 384, 1e-6, 2);
        Check("vit_base_patch14_reg4_dinov2", 768, 12, 12, 64, 518, 1e-6, 5);
        Check("vit_h_14", 1280, 32, 16, 80, 224, 1e-6, 1);
        Assert.Equal(6144, NamedArchitectures.Find("vit_giant_patch14_clip_224").MlpWidth);

        static void Check(string name, int width, int depth, int heads, int headWidth, int image, double epsilon, int prefix)
        {
            var config = NamedArchitectures.Find(name);
            Assert.Equal(
                (width, depth, heads, headWidth, image, epsilon, prefix),
                (
                    config.Width,
                    config.Depth,
                    config.Heads,
                    config.HeadWidth,
                    config.ImageHeight,
                    config.LayerNormEpsilon,
                    config.PrefixTokens
                )
            );
        }
    }

    [Fact]
    public void Encoder_without_a_head_predicts_nothing()
    {
        var error = Refused(
            "timm_vit",
            weights =>
            {
                weights.Remove("head.weight");
                weights.Remove("head.bias");
            }
        );
        Assert.Equal(ModelFailure.NoClassifier, error.Reason);
        Assert.Equal(
            ModelFailure.NoClassifier,
            Refused("hf_vit", config: config => config["architectures"] = new JsonArray("ViTModel")).Reason
        );
    }

    [Fact]
    public void Clip_embedding_is_no_classifier_unless_its_outputs_are_named()
    {
        var error = Refused("timm_clip_quickgelu", weights => Widen(weights, 512), config => Unnamed(config, 512));
        Assert.Equal(ModelFailure.NoClassifier, error.Reason);
        Assert.Contains("CheckpointOptions.ClassNames", error.Message, StringComparison.Ordinal);
        var options = new CheckpointOptions { ClassNames = [.. Enumerable.Range(0, 512).Select(i => $"kind {i}")] };
        using var named = OpenChanged("timm_clip_quickgelu", weights => Widen(weights, 512), config => Unnamed(config, 512), options);
        Assert.Equal(512, named.Config.Classes);
    }

    [Fact]
    public void Fine_tuned_clip_model_is_accepted_although_it_keeps_the_tag()
    {
        using var checkpoint = OpenChanged("timm_clip_quickgelu", config: config => Unnamed(config, 10));
        Assert.Equal((10, null), (checkpoint.Config.Classes, checkpoint.ClassNames));
    }

    private static void Widen(Dictionary<string, WeightTensor> weights, int outputs) =>
        (weights["head.weight"], weights["head.bias"]) = (Zeros(outputs, 64), Zeros(outputs));

    private static void Unnamed(JsonObject config, int outputs)
    {
        config["num_classes"] = outputs;
        var pretrained = config["pretrained_cfg"]!.AsObject();
        pretrained.Remove("label_names");
        (pretrained["tag"], pretrained["num_classes"]) = ("openai", outputs);
    }

    [Theory]
    [InlineData("dinov2")]
    [InlineData("siglip")]
    [InlineData("clip")]
    [InlineData("deit")]
    public void Other_hugging_face_models_are_refused(string type) =>
        Assert.Equal(ModelFailure.UnsupportedArchitecture, Refused("hf_vit", config: config => config["model_type"] = type).Reason);

    [Theory]
    [InlineData("SiglipForImageClassification", "mean of the patches")]
    [InlineData("SiglipVisionModel", "has no classes")]
    public void Clip_encoder_is_refused_with_the_reason_of_its_class(string architecture, string why)
    {
        var error = Refused(
            "hf_vit",
            config: config =>
            {
                config["model_type"] = "siglip";
                config["architectures"] = new JsonArray(architecture);
            }
        );
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Unknown_model_argument_is_refused()
    {
        var error = Refused("timm_vit", config: config => config["model_args"]!["swiglu_alpha"] = 2);
        Assert.Contains("swiglu_alpha", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("num_heads", 5)]
    [InlineData("num_heads", 0)]
    [InlineData("num_heads", -4)]
    [InlineData("depth", 2_000_000_000)]
    [InlineData("embed_dim", 2_000_000_000)]
    [InlineData("mlp_ratio", 2_000_000_000)]
    [InlineData("img_size", 2_000_000_000)]
    [InlineData("img_size", 65)]
    [InlineData("patch_size", 0)]
    [InlineData("reg_tokens", -1)]
    [InlineData("reg_tokens", int.MaxValue)]
    public void Sizes_out_of_range_are_refused(string key, int value) =>
        Assert.Equal(ModelFailure.BadConfiguration, Refused("timm_vit", config: config => config["model_args"]![key] = value).Reason);

    [Theory]
    [InlineData("num_heads", "\"four\"")]
    [InlineData("img_size", "[64]")]
    [InlineData("mlp_ratio", "true")]
    [InlineData("act_layer", "\"swish\"")]
    public void Value_of_the_wrong_type_is_named(string key, string json)
    {
        var error = Refused("timm_vit", config: config => config["model_args"]![key] = JsonNode.Parse(json));
        Assert.Equal(ModelFailure.BadConfiguration, error.Reason);
        Assert.Contains($"'{key}'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Duplicate_property_is_refused()
    {
        File.Copy(Fixture.Path("models", "timm_vit", "model.safetensors"), _folder["model.safetensors"]);
        File.WriteAllText(_folder["config.json"], """{"architecture":"vit_tiny_patch16_224","architecture":"vit_base_patch16_224"}""");
        Assert.Equal(ModelFailure.Corrupt, Assert.Throws<ModelException>(() => Checkpoint.Open(_folder.Path)).Reason);
    }

    [Fact]
    public void Weights_that_are_integers_are_refused() =>
        Assert.Equal(
            ModelFailure.UnsupportedType,
            Refused("timm_vit", weights => weights["norm.bias"] = new MemoryTensor(DType.I64, [64], new byte[512])).Reason
        );

    [Fact]
    public void Double_precision_is_read_as_float32()
    {
        using var checkpoint = OpenChanged(
            "timm_vit",
            weights =>
            {
                var values = weights["norm.bias"].ToFloat32();
                weights["norm.bias"] = new MemoryTensor(
                    DType.F64,
                    [64],
                    [.. values.SelectMany(value => BitConverter.GetBytes((double)value))]
                );
            }
        );
        using var original = Checkpoint.Open(Fixture.Path("models", "timm_vit"));
        Assert.Equal(DType.F32, checkpoint.Weights["norm.bias"].DType);
        Assert.True(original.Weights["norm.bias"].Bytes.SequenceEqual(checkpoint.Weights["norm.bias"].Bytes));
    }

    [Fact]
    public void Number_of_class_names_must_equal_number_of_classes() =>
        Assert.Equal(
            ModelFailure.BadConfiguration,
            Refused("timm_vit", options: new CheckpointOptions { ClassNames = ["cat", "dog"] }).Reason
        );

    [Fact]
    public void WordNet_ids_are_distinguished_from_names()
    {
        using var checkpoint = OpenChanged(
            "timm_vit",
            config: config =>
            {
                config["label_names"] = new JsonArray([.. Enumerable.Range(0, 10).Select(i => (JsonNode)$"n0144076{i}")]);
                config["label_descriptions"] = new JsonObject { ["n01440760"] = "tench", ["n01440761"] = "goldfish" };
            }
        );
        Assert.Equal("n01440760", checkpoint.WordNetIds![0]);
        Assert.Equal(["tench", "goldfish", "n01440762"], checkpoint.ClassNames!.Take(3));
    }

    [Fact]
    public void Placeholder_names_are_ignored()
    {
        using var checkpoint = OpenChanged(
            "hf_vit",
            config: config =>
                config["id2label"] = new JsonObject(
                    Enumerable.Range(0, 10).Select(i => KeyValuePair.Create($"{i}", (JsonNode?)$"LABEL_{i}"))
                )
        );
        Assert.Null(checkpoint.ClassNames);
    }

    [Fact]
    public void Model_without_preprocessing_opens_but_needs_the_options()
    {
        using (var checkpoint = OpenChanged("timm_vit", config: config => config.Remove("pretrained_cfg")))
        {
            var error = Assert.Throws<ModelException>(() => checkpoint.Preprocessing);
            Assert.Equal(ModelFailure.NoPreprocessing, error.Reason);
            foreach (var option in new[] { "ImageSize", "CropMode", "Interpolation", "Mean", "Std" })
                Assert.Contains($"CheckpointOptions.{option}", error.Message, StringComparison.Ordinal);
        }

        using var given = Checkpoint.Open(
            _folder.Path,
            new CheckpointOptions
            {
                ImageSize = 64,
                CropMode = CropMode.Squash,
                Interpolation = Interpolation.Bilinear,
                Mean = [0, 0, 0],
                Std = [1, 1, 1],
            }
        );
        var preprocessing = given.Preprocessing;
        Assert.Equal((64, 0, CropMode.Squash), (preprocessing.InputWidth, preprocessing.ResizeHeight, preprocessing.CropMode));
    }

    [Fact]
    public void Options_override_the_checkpoint()
    {
        using var larger = OpenChanged("timm_vit", options: new CheckpointOptions { ImageSize = 128 });
        // floor(128 / 0.9)
        Assert.Equal((128, 142, 64), (larger.Preprocessing.InputHeight, larger.Preprocessing.ResizeHeight, larger.Config.ImageHeight));
        using var squashed = Checkpoint.Open(_folder.Path, new CheckpointOptions { CropMode = CropMode.Squash });
        Assert.Equal((CropMode.Squash, 0), (squashed.Preprocessing.CropMode, squashed.Preprocessing.ResizeHeight));
        using var odd = Checkpoint.Open(_folder.Path, new CheckpointOptions { ImageSize = 100 });
        Assert.Equal(ModelFailure.BadConfiguration, Assert.Throws<ModelException>(() => odd.Preprocessing).Reason);
    }

    [Fact]
    public void Hugging_face_crops_are_read()
    {
        using (
            var shortest = OpenChanged(
                "hf_vit",
                processor: json =>
                {
                    json["size"] = new JsonObject { ["shortest_edge"] = 73 };
                    json["crop_size"] = new JsonObject { ["height"] = 64, ["width"] = 64 };
                    json["do_center_crop"] = true;
                    json["resample"] = 3;
                }
            )
        )
            Assert.Equal(
                (CropMode.Center, 73, 64, Interpolation.Bicubic),
                (
                    shortest.Preprocessing.CropMode,
                    shortest.Preprocessing.ResizeHeight,
                    shortest.Preprocessing.InputHeight,
                    shortest.Preprocessing.Interpolation
                )
            );

        using (
            var deit = OpenChanged("hf_vit", processor: json => (json["size"], json["crop_size"], json["do_center_crop"]) = (73, 64, true))
        )
            Assert.Equal(
                (CropMode.Squash, 73, 64),
                (deit.Preprocessing.CropMode, deit.Preprocessing.ResizeHeight, deit.Preprocessing.InputHeight)
            );

        using var unusual = OpenChanged("hf_vit", processor: json => json["rescale_factor"] = 0.5);
        Assert.Equal(ModelFailure.UnsupportedPreprocessing, Assert.Throws<ModelException>(() => unusual.Preprocessing).Reason);
    }

    [Fact]
    public void Shards_are_read_as_one()
    {
        var files = new Dictionary<string, byte[]>
        {
            ["model.safetensors"] = File.ReadAllBytes(Fixture.Path("models", "timm_vit", "model.safetensors")),
        };
        Shards.Split(files);
        foreach (var (name, bytes) in files)
            File.WriteAllBytes(_folder[name], bytes);
        File.Copy(Fixture.Path("models", "timm_vit", "config.json"), _folder["config.json"]);
        using var whole = Checkpoint.Open(Fixture.Path("models", "timm_vit"));
        string hash;
        using (var sharded = Checkpoint.Open(_folder.Path))
        {
            Assert.All(whole.Weights, pair => Assert.True(pair.Value.Bytes.SequenceEqual(sharded.Weights[pair.Key].Bytes)));
            hash = sharded.Sha256;
            Assert.Matches("^[0-9a-f]{64}$", hash);
        }

        // A changed shard changes the hash; a missing shard or one outside the folder is an error.
        var shard = _folder["model-00002-of-00002.safetensors"];
        var changed = File.ReadAllBytes(shard);
        changed[^1] ^= 1;
        File.WriteAllBytes(shard, changed);
        using (var sharded = Checkpoint.Open(_folder.Path))
            Assert.NotEqual(hash, sharded.Sha256);
        File.Delete(shard);
        Assert.Equal(ModelFailure.NotFound, Assert.Throws<ModelException>(() => Checkpoint.Open(_folder.Path)).Reason);
        File.WriteAllText(_folder[SafetensorsWeights.IndexName], """{"weight_map":{"head.weight":"../../etc/passwd"}}""");
        Assert.Equal(ModelFailure.Corrupt, Assert.Throws<ModelException>(() => Checkpoint.Open(_folder.Path)).Reason);
    }

    [Fact]
    public void Hash_equals_that_of_the_file()
    {
        using var checkpoint = Checkpoint.Open(Fixture.Path("models", "timm_vit"));
        using var stream = File.OpenRead(Fixture.Path("models", "timm_vit", "model.safetensors"));
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(stream)), checkpoint.Sha256);
    }

    [Fact]
    public void Bare_file_without_its_last_blocks_is_not_a_shallower_model()
    {
        // The width is vit_tiny's, so the depth must be too.
        var weights = Layouts.CanonicalWeightsOf(NamedArchitectures.Find("vit_tiny_patch16_224") with { Depth = 11, Classes = 3 });
        SafetensorsWriter.Write(_folder["short.safetensors"], weights);
        var error = Assert.Throws<ModelException>(() =>
            Checkpoint.Open(_folder["short.safetensors"], new CheckpointOptions { Architecture = "vit_tiny_patch16_224" })
        );
        Assert.Contains("blocks.11.attn.qkv.weight", error.Message, StringComparison.Ordinal);
        using var meant = Checkpoint.Open(
            _folder["short.safetensors"],
            new CheckpointOptions { Architecture = "vit_tiny_patch16_224", Depth = 11 }
        );
        Assert.Equal((11, 3, 3, 224), (meant.Config.Depth, meant.Config.Classes, meant.Config.Heads, meant.Config.ImageHeight));
    }
}
