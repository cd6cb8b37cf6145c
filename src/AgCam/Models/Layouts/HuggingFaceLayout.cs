namespace AgCam.Models.Layouts;

/// <summary>
/// Maps the names of ViTForImageClassification and DeiTForImageClassificationWithTeacher: those of Hub checkpoints
/// (encoder.layer.{i}.attention.attention.query) and of transformers 5 (layers.{i}.attention.q_proj).
/// </summary>
internal static class HuggingFaceLayout
{
    private static readonly string[] Bases = ["vit.", "deit."];

    public static bool Recognizes(IReadOnlyCollection<string> names) =>
        names.Any(name => WithoutBase(name) is "embeddings.patch_embeddings.projection.weight");

    /// <summary>Returns a name without the prefix "vit." or "deit.".</summary>
    public static string WithoutBase(string name) =>
        Bases.FirstOrDefault(prefix => name.StartsWith(prefix, StringComparison.Ordinal)) is { } found ? name[found.Length..] : name;

    public static NameMap Names { get; } =
        new(
            ["encoder.layer.", "layers."],
            new Dictionary<string, string>(
                NameMap.WithWeightAndBias(
                    ("embeddings.patch_embeddings.projection", "patch_embed.proj"),
                    ("layernorm", "norm"),
                    ("classifier", "head"),
                    ("cls_classifier", "head"),
                    ("distillation_classifier", "head_dist")
                )
            )
            {
                ["embeddings.cls_token"] = "cls_token",
                ["embeddings.distillation_token"] = "dist_token",
                ["embeddings.position_embeddings"] = "pos_embed",
            },
            NameMap.WithWeightAndBias(
                ("layernorm_before", "norm1"),
                ("attention.attention.query", "attn.qkv#0"),
                ("attention.attention.key", "attn.qkv#1"),
                ("attention.attention.value", "attn.qkv#2"),
                ("attention.q_proj", "attn.qkv#0"),
                ("attention.k_proj", "attn.qkv#1"),
                ("attention.v_proj", "attn.qkv#2"),
                ("attention.output.dense", "attn.proj"),
                ("attention.o_proj", "attn.proj"),
                ("layernorm_after", "norm2"),
                ("intermediate.dense", "mlp.fc1"),
                ("output.dense", "mlp.fc2"),
                ("mlp.fc1", "mlp.fc1"),
                ("mlp.fc2", "mlp.fc2")
            ),
            // Unused after pre-training: the classifier reads the class token.
            new HashSet<string>(StringComparer.Ordinal) { "embeddings.mask_token", "pooler.dense.weight", "pooler.dense.bias" }
        );
}
