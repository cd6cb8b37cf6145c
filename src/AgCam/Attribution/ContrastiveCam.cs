using static TorchSharp.torch;

namespace AgCam.Attribution;

/// <summary>AG-CAM of a class against the most probable other class.</summary>
internal static class ContrastiveCam
{
    public static AttributionMethod Method { get; } =
        new(
            "agcam-contrastive",
            AttentionGuidedCam.Version,
            "AG-CAM of the class against the most probable other class.",
            batch =>
                AttentionGuidedCam.Maps(batch.Model, batch.Pass, batch.Target, batch.BestOther(), ones_like(batch.Target, float32)).Positive
        )
        {
            Contrasts = false,
        };
}
