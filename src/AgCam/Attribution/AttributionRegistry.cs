namespace AgCam.Attribution;

/// <summary>Lists the attribution methods. A new method is one file and one line here.</summary>
internal static class AttributionRegistry
{
    /// <summary>Methods that explain. The first is the default.</summary>
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

    /// <summary>Methods that an evaluation measures: those that explain, and the controls.</summary>
    public static IReadOnlyList<AttributionMethod> Measured { get; } = [.. All, Controls.RandomMap, Controls.Centre];
}
