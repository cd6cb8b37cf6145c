namespace AgCam.Models.Layouts;

/// <summary>
/// Maps the names of timm's Eva, the class of EVA and DINOv3. LayerScale has other names than in VisionTransformer. The bias of qkv is
/// stored in parts, without the keys', which is zero. A gated MLP stores gate and value separately.
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
