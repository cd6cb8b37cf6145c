namespace AgCam.Models.Layouts;

/// <summary>
/// timm's Eva, as which it builds EVA and DINOv3: LayerScale has other names than in its VisionTransformer, and the bias of the fused qkv,
/// where there is one, is stored in parts; the keys' is zero and is not. An MLP that is gated stores gate and value apart.
/// </summary>
internal static class EvaLayout
{
    public static bool Recognizes(IReadOnlyCollection<string> names) =>
        names.Contains("blocks.0.gamma_1") || names.Contains("blocks.0.attn.q_bias");

    public static NameMap Names { get; } = new(["blocks."], TimmLayout.Outside(), InBlock(), keysHaveNoBias: true);

    private static Dictionary<string, string> InBlock()
    {
        var map = TimmLayout.InBlock();
        foreach (var other in new[] { "attn.qkv.bias", "ls1.gamma", "ls2.gamma" })
            map.Remove(other);
        map["attn.q_bias"] = "attn.qkv.bias#0";
        map["attn.k_bias"] = "attn.qkv.bias#1";
        map["attn.v_bias"] = "attn.qkv.bias#2";
        map["gamma_1"] = "ls1.gamma";
        map["gamma_2"] = "ls2.gamma";
        foreach (var kind in new[] { "weight", "bias" })
        {
            map[$"mlp.fc1_g.{kind}"] = $"mlp.fc1.{kind}#0";
            map[$"mlp.fc1_x.{kind}"] = $"mlp.fc1.{kind}#1";
        }

        return map;
    }
}
