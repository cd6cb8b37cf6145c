namespace AgCam.Models.Layouts;

/// <summary>Maps the names of timm's VisionTransformer, which are the canonical ones.</summary>
internal static class TimmLayout
{
    public static bool Recognizes(IReadOnlyCollection<string> names) =>
        names.Contains("patch_embed.proj.weight") || names.Contains("blocks.0.attn.qkv.weight");

    public static NameMap Names { get; } = new(["blocks."], Outside(), InBlock());

    internal static Dictionary<string, string> Outside()
    {
        var map = NameMap.WithWeightAndBias(
            ("patch_embed.proj", "patch_embed.proj"),
            ("norm_pre", "norm_pre"),
            ("norm", "norm"),
            ("fc_norm", "fc_norm"),
            ("head", "head"),
            ("head_dist", "head_dist")
        );
        foreach (var token in new[] { "cls_token", "dist_token", "reg_token", "pos_embed" })
            map[token] = token;
        return map;
    }

    internal static Dictionary<string, string> InBlock()
    {
        var map = NameMap.WithWeightAndBias(
            ("norm1", "norm1"),
            ("attn.qkv", "attn.qkv"),
            ("attn.q_norm", "attn.q_norm"),
            ("attn.k_norm", "attn.k_norm"),
            ("attn.proj", "attn.proj"),
            ("norm2", "norm2"),
            ("mlp.fc1", "mlp.fc1"),
            ("mlp.fc2", "mlp.fc2")
        );
        map["ls1.gamma"] = "ls1.gamma";
        map["ls2.gamma"] = "ls2.gamma";
        return map;
    }
}
