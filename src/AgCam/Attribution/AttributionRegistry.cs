namespace AgCam.Attribution;

/// <summary>Every attribution method: a file and a line here add one.</summary>
internal static class AttributionRegistry
{
    /// <summary>The methods that explain. The first is the default.</summary>
    public static IReadOnlyList<AttributionMethod> All { get; } =
    [
        AttentionGuidedCam.Method,
        SignedCam.Method,
        ContrastiveCam.Method,
        ProductOverBlocks.Method,
        PooledAttentionCam.Method,
        AttentionRollout.Method,
        GenericAttention.Method,
        LastLayer.Method,
        LeGrad.Method,
        TransformerAttribution.Method,
    ];

    public static IReadOnlyList<AttributionMethod> Measured { get; } = [.. All, Controls.RandomMap, Controls.Centre];
}
