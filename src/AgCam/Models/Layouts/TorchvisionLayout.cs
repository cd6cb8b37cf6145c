namespace AgCam.Models.Layouts;

/// <summary>Maps the names of torchvision's VisionTransformer (vit_b_16, ...), which stores query, key and value as one tensor.</summary>
internal static class TorchvisionLayout
{
    public static bool Recognizes(IReadOnlyCollection<string> names) => names.Contains("conv_proj.weight");

    public static NameMap Names { get; } =
        new(
            ["encoder.layers.encoder_layer_"],
            new Dictionary<string, string>(
                NameMap.WithWeightAndBias(("conv_proj", "patch_embed.proj"), ("encoder.ln", "norm"), ("heads.head", "head"))
            )
            {
                ["class_token"] = "cls_token",
                ["encoder.pos_embedding"] = "pos_embed",
            },
            new Dictionary<string, string>(
                NameMap.WithWeightAndBias(
                    ("ln_1", "norm1"),
                    ("self_attention.out_proj", "attn.proj"),
                    ("ln_2", "norm2"),
                    ("mlp.0", "mlp.fc1"),
                    ("mlp.3", "mlp.fc2"),
                    ("mlp.linear_1", "mlp.fc1"), // weights saved before torchvision 0.12
                    ("mlp.linear_2", "mlp.fc2")
                )
            )
            {
                ["self_attention.in_proj_weight"] = "attn.qkv.weight",
                ["self_attention.in_proj_bias"] = "attn.qkv.bias",
            }
        );
}
