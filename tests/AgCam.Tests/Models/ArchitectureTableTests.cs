using System.Text.Json;
using AgCam.Models;
using Xunit;

namespace AgCam.Tests.Models;

/// <summary>Compares each name with the model that timm builds (Fixtures/architectures/timm.jsonl).</summary>
public class ArchitectureTableTests
{
    private static readonly Dictionary<string, JsonElement> Built = File.ReadLines(Fixture.Path("architectures", "timm.jsonl"))
        .Select(line => JsonDocument.Parse(line).RootElement)
        .ToDictionary(row => row.GetProperty("architecture").GetString()!);

    /// <summary>Attributes of a plain ViT; the table's last column holds the differences.</summary>
    private static readonly (string Key, string Plain)[] Attributes =
    [
        ("block", "Block"),
        ("attn", "Attention"),
        ("mlp", "Mlp"),
        ("norm", "LayerNorm"),
        ("no_embed_class", "false"),
        ("pool_include_prefix", "false"),
        ("final_norm", "LayerNorm"),
        ("fc_norm", "Identity"),
        ("norm_pre", "Identity"),
        ("q_norm", "Identity"),
        ("attn_norm", "Identity"),
        ("mlp_norm", "Identity"),
        ("qkv_bias", "true"),
        ("embed", "PatchEmbed"),
        ("rope", "none"),
        ("pos", "true"),
        ("ls", "Identity"),
    ];

    /// <summary>Reasons in messages, each with the condition on timm's model.</summary>
    private static readonly (string Reason, Func<JsonElement, bool> IsTrue)[] Reasons =
    [
        ("timm builds it as", row => Text(row, "class") is not ("VisionTransformer" or "VisionTransformerDistilled" or "Eva")),
        ("no patch embedding", row => Text(row, "embed") == "none"),
        ("its patch embedding is", row => Text(row, "embed") is not ("PatchEmbed" or "none")),
        ("its blocks are", row => Text(row, "block") is not ("Block" or "EvaBlock" or "none")),
        ("its attention is", row => Text(row, "attn") is not ("Attention" or "EvaAttention" or "AttentionRope" or "none")),
        ("its positions are rotary", row => Text(row, "rope") is "RotaryEmbeddingCat" or "RotaryEmbeddingMixed"),
        ("its MLP is", row => Text(row, "mlp") is not ("Mlp" or "none") && Text(row, "rope") != "RotaryEmbeddingDinoV3"),
        ("its normalisation is", row => Text(row, "norm") is not ("LayerNorm" or "none")),
        ("it normalises inside its attention", row => Text(row, "attn_norm") == "LayerNorm"),
        ("it normalises inside its MLP", row => Text(row, "mlp_norm") == "LayerNorm"),
        (
            "no layer normalisation before its classifier",
            row => Text(row, "final_norm") == "Identity" && Text(row, "fc_norm") is ("Identity" or "none")
        ),
        ("averages the patches", row => Pool(row) == "avg"),
        ("pools by attention", row => Pool(row) == "map"),
        ("does not say what its classifier reads", row => Pool(row) == "none"),
    ];

    [Fact]
    public void Table_holds_exactly_what_timm_built()
    {
        Assert.Equal(306, Built.Count);
        Assert.Empty(Built.Keys.Except(TimmArchitecture.Names));
        foreach (var (name, row) in Built)
        {
            var listed = TimmArchitecture.Find(name)!;
            foreach (var (key, plain) in Attributes)
            {
                var built = Text(row, key);
                if (built == "none" && plain is ("Identity" or "false"))
                    built = plain; // this kind of model lacks the attribute
                var differs = listed.Differs.GetValueOrDefault(key, plain);
                Assert.True(built == differs, $"{name}: {key} is {built}, and listed as {differs}");
            }

            Assert.Equal((Text(row, "class"), row.GetProperty("input")[1].GetInt32()), (listed.Class, listed.Image));
            Assert.Equal((Number(row, "depth"), Number(row, "heads"), Number(row, "prefix")), (listed.Depth, listed.Heads, listed.Prefix));
            Assert.Equal((Text(row, "class_token") == "true", Text(row, "act")), (listed.ClassToken, listed.Activation));
            Assert.Equal(Pool(row), listed.Pool);
            Assert.Equal(Text(row, "eps") == "none" ? 0 : row.GetProperty("eps").GetDouble(), listed.Epsilon);
            Assert.Equal(Side(row, "head.weight", 0) ?? 0, listed.Outputs);
            Assert.Equal(Side(row, "blocks.0.mlp.fc2.weight", 1) ?? 0, listed.MlpWidth);
            if (Side(row, "blocks.0.attn.qkv.weight", 1) is { } width)
                Assert.Equal(width, listed.Width);
            if (Side(row, "patch_embed.proj.weight", 2) is { } patch)
                Assert.Equal(patch, listed.Patch);
        }
    }

    [Fact]
    public void Accepted_architectures_have_the_settings_that_timm_builds()
    {
        var accepted = 0;
        foreach (var (name, row) in Built)
        {
            if (Refusal(name) is not null)
                continue;
            accepted++;
            var config = NamedArchitectures.Find(name, pooled: true);
            var isEva = Text(row, "class") == "Eva";
            Check("heads", Number(row, "heads"), config.Heads);
            Assert.Equal(row.GetProperty("scale").GetDouble(), 1 / Math.Sqrt(config.HeadWidth), 9);
            Check("depth", row.GetProperty("depth").GetInt32(), config.Depth);
            Check("eps", row.GetProperty("eps").GetDouble(), config.LayerNormEpsilon);
            Check(
                "activation",
                Text(row, "act"),
                config.Activation switch
                {
                    Activation.Gelu => "GELU",
                    Activation.QuickGelu => "QuickGELU",
                    Activation.GeluTanh => "GELUTanh",
                    _ => "SiLU",
                }
            );
            Check("mlp", Text(row, "mlp"), config.Activation == Activation.SwiGlu ? "SwiGLU" : "Mlp");
            var average = Text(row, "fc_norm") == "LayerNorm" ? HeadPooling.NormedAverage : HeadPooling.AverageOfNormed;
            Check("pooling", Pool(row) == "avg" ? average : HeadPooling.Token, config.Pooling);
            Check("class token", Text(row, "class_token") == "true", config.ClassToken);
            Check("prefix", Number(row, "prefix"), config.PrefixTokens);
            if (Text(row, "reg") != "none")
                Check("registers", Number(row, "reg"), config.Registers);
            Check("norm_pre", Text(row, "norm_pre") == "LayerNorm", config.PreNorm);
            Check("q_norm", Text(row, "q_norm") == "LayerNorm", config.QkNorm);
            Check("rope", Text(row, "rope") == "RotaryEmbeddingDinoV3", config.RotaryTemperature is not null);
            if (!isEva) // Eva's attributes do not contain these two
            {
                Check("LayerScale", Text(row, "ls") == "LayerScale", config.LayerScale);
                Check("qkv_bias", Text(row, "qkv_bias") == "true", config.QkvBias);
            }

            // The required shapes equal those of timm's model.
            var needed = AgCam.Models.Layouts.CanonicalWeights.Of(config);
            foreach (var shape in row.GetProperty("shapes").EnumerateObject().Where(shape => shape.Name != "head.weight"))
                Check(
                    shape.Name,
                    string.Join(',', shape.Value.EnumerateArray()),
                    string.Join(',', needed.GetValueOrDefault(shape.Name) ?? [])
                );
            foreach (var token in new[] { "cls_token", "reg_token", "pos_embed" }.Where(needed.ContainsKey))
                Assert.True(row.GetProperty("shapes").TryGetProperty(token, out _), $"{name}: timm builds no {token}");

            void Check<T>(string what, T built, T here) =>
                Assert.True(Equals(built, here), $"{name}: timm builds {what} {built}, here it is {here}");
        }

        Assert.InRange(accepted, 130, 306);
    }

    [Fact]
    public void Refused_architectures_are_refused_for_exactly_their_reasons()
    {
        foreach (var (name, row) in Built)
        {
            var (paper, pooled) = (Refusal(name, pooled: false), Refusal(name));
            foreach (var (text, isTrue) in Reasons)
            {
                Assert.True(Says(paper, text) == isTrue(row), $"{name}: {text}? {paper?.Message}");
                if (text != "averages the patches")
                    Assert.True(Says(pooled, text) == isTrue(row), $"{name}, pooled: {text}? {pooled?.Message}");
            }

            // Another method is named only if it explains the model.
            Assert.Equal(paper is not null && pooled is null, Says(paper, "agcam-pooled"));
            Assert.False(Says(pooled, "agcam-pooled"));
            Assert.All(
                new[] { paper, pooled }.OfType<ModelException>(),
                error => Assert.Equal(ModelFailure.UnsupportedArchitecture, error.Reason)
            );
        }
    }

    /// <summary>Tests the rule of each method against the table.</summary>
    [Fact]
    public void Methods_explain_the_models_of_their_rule()
    {
        foreach (var (name, row) in Built)
        {
            var rule = Text(row, "rule");
            if (rule is "agcam" or "clip-embedding")
                Assert.True(Refusal(name, pooled: false) is null, name);
            if (rule == "agcam-pooled" && Text(row, "norm") == "LayerNorm")
                Assert.True(Refusal(name) is null && Refusal(name, pooled: false) is not null, name);
            if (rule is ("token-other" or "map") && name != "eva_giant_patch14_clip_224") // a plain ViT under other names, see EvaLayout
                Assert.True(Refusal(name) is not null, name);
            if (rule == "clip-embedding")
                Assert.True(NamedArchitectures.EndsInEmbedding(name, Side(row, "head.weight", 0)!.Value), name);
        }
    }

    /// <summary>Tests one model of each family.</summary>
    [Theory]
    [InlineData("vit_base_patch16_reg4_gap_256", "averages the patches", "16 heads")]
    [InlineData("eva_giant_patch14_336.m30m_ft_in22k_in1k", "averages the patches", "rotary,MLP,kind")]
    [InlineData("eva02_enormous_patch14_clip_224", "EvaBlockPostNorm", "rotary,MLP,averages")]
    [InlineData("eva02_tiny_patch14_336", "RotaryEmbeddingCat;GluMlp;averages", "")]
    [InlineData("eva_large_patch14_196", "averages the patches", "rotary,kind")]
    [InlineData("beit3_base_patch16_224", "inside its attention;inside its MLP;averages", "relative,agcam-pooled")]
    [InlineData("beit_base_patch16_224", "timm builds it as Beit", "agcam-pooled")]
    [InlineData("vit_base_patch16_siglip_gap_224", "averages the patches;agcam-pooled", "attention")]
    [InlineData("vit_base_patch16_siglip_224", "pools by attention", "agcam-pooled")]
    [InlineData("vit_so150m_patch16_reg4_map_256", "pools by attention", "agcam-pooled")]
    [InlineData("vit_giant_patch14_dinov2", "GluMlp", "averages")]
    [InlineData("vit_intern300m_patch14_448", "no layer normalisation before its classifier", "averages")]
    [InlineData("test_vit4", "RmsNorm", "agcam-pooled")]
    [InlineData("vit_base_r50_s16_384", "HybridEmbed", "averages")]
    [InlineData("vit_relpos_base_patch16_cls_224", "VisionTransformerRelPos", "averages")]
    [InlineData("vit_base_patch16_rope_224", "RotaryEmbeddingCat", "averages")]
    [InlineData("vit_base_patch16_rpn_224", "ResPostBlock;averages", "agcam-pooled")]
    [InlineData("vit_dlittle_patch16_reg1_gap_256", "DiffAttention", "agcam-pooled")]
    [InlineData("swin_base_patch4_window7_224", "SwinTransformer", "agcam-pooled")]
    [InlineData("samvit_base_patch16_224", "VisionTransformerSAM", "agcam-pooled")]
    [InlineData("cait_m36_384", "Cait", "averages")]
    [InlineData("naflexvit_base_patch16_gap", "NaFlexVit", "agcam-pooled")]
    public void Family_is_refused_with_its_own_reasons(string name, string text, string untold)
    {
        var message = Refusal(name, pooled: false)!.Message;
        var reasons = message[..message.IndexOf(". Choose", StringComparison.Ordinal)];
        Assert.All(text.Split(';'), part => Assert.Contains(part, message, StringComparison.Ordinal));
        foreach (var part in untold.Split(',', StringSplitOptions.RemoveEmptyEntries))
            Assert.DoesNotContain(part, part == "agcam-pooled" ? message : reasons, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vit_base_patch16_plus_clip_240", false, 14)] // "plus" does not mean LayerScale
    [InlineData("vit_base_patch16_plus_240", true, 14)]
    [InlineData("vit_base_patch16_reg4_gap_256", false, 12)] // "gap" does not decide the heads
    [InlineData("vit_base_patch16_gap_224", false, 16)]
    public void Parts_of_a_name_do_not_decide_the_configuration(string name, bool layerScale, int heads)
    {
        var config = NamedArchitectures.Find(name, pooled: true);
        Assert.Equal((layerScale, heads), (config.LayerScale, config.Heads));
    }

    [Theory]
    [InlineData("vit_base_patch16_224_in21k", "vit_base_patch16_224")]
    [InlineData("deit3_base_patch16_384_in21ft1k", "deit3_base_patch16_384")]
    [InlineData("vit_base_patch32_224_clip_laion2b", "vit_base_patch32_clip_224")]
    public void Former_names_of_timm_name_the_same_model(string former, string name) =>
        Assert.Equal(NamedArchitectures.Find(name).Canonical(), NamedArchitectures.Find(former).Canonical());

    private static bool Says(ModelException? error, string text) => error?.Message.Contains(text, StringComparison.Ordinal) ?? false;

    private static ModelException? Refusal(string name, bool pooled = true)
    {
        try
        {
            NamedArchitectures.Find(name, pooled);
            return null;
        }
        catch (ModelException refused)
        {
            return refused;
        }
    }

    /// <summary>Returns a value in the table's format.</summary>
    private static string Text(JsonElement row, string key) =>
        row.GetProperty(key) switch
        {
            { ValueKind: JsonValueKind.Null } => "none",
            { ValueKind: JsonValueKind.True } => "true",
            { ValueKind: JsonValueKind.False } => "false",
            { ValueKind: JsonValueKind.Number } number => number.GetRawText(),
            var text when text.GetString() == "NoneType" => "none",
            var text => text.GetString()!,
        };

    private static string Pool(JsonElement row) =>
        Text(row, "global_pool") is var pool && pool.StartsWith("Select", StringComparison.Ordinal) ? "avg" : pool;

    private static int Number(JsonElement row, string key) =>
        row.GetProperty(key) is { ValueKind: JsonValueKind.Number } number ? number.GetInt32() : 0;

    private static int? Side(JsonElement row, string name, int dimension) =>
        row.GetProperty("shapes").TryGetProperty(name, out var shape) ? shape[dimension].GetInt32() : null;
}
