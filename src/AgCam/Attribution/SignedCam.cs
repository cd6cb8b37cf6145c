namespace AgCam.Attribution;

/// <summary>AG-CAM's evidence for a class minus the evidence against it.</summary>
internal static class SignedCam
{
    public static AttributionMethod Method { get; } =
        new(
            "agcam-signed",
            AttentionGuidedCam.Version,
            "AG-CAM's evidence for the class minus the evidence against it.",
            batch =>
            {
                var (positive, negative) = AttentionGuidedCam.Maps(
                    batch.Model,
                    batch.Pass,
                    batch.Target,
                    batch.Against,
                    batch.Gamma,
                    signed: true
                );
                return positive - negative!;
            }
        );
}
