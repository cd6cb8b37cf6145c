namespace AgCam.Models;

/// <summary>Checks which method can explain a model, by the tokens that its classifier reads (timm's global_pool).</summary>
internal static class HeadPools
{
    /// <summary>Next step when average pooling is the only obstacle.</summary>
    private const string Pooled =
        "Choose a plain ViT whose classifier reads the class token, or explain this one with "
        + "the method agcam-pooled, a variant of the paper's method for averaged patches.";

    private const string Plain = "Choose a plain ViT whose classifier reads the class token, e.g. " + NamedArchitectures.Examples + ".";

    private const string NoGradient = "so the class token's row gets no gradient, or only part of it";

    /// <param name="uncovered">Other unsupported features of the model.</param>
    /// <param name="pool">timm's global_pool.</param>
    /// <param name="pooled">True also accepts models that average the patches.</param>
    /// <exception cref="ModelException">unsupported-architecture; the message lists every reason.</exception>
    public static void Require(string architecture, IReadOnlyList<string> uncovered, string pool, bool pooled)
    {
        var averages = pool == "avg";
        string[] reasons = [.. uncovered, .. pool == "token" || averages && pooled ? (string[])[] : [Reads(pool)]];
        if (reasons.Length > 0)
            throw new ModelException(
                ModelFailure.UnsupportedArchitecture,
                $"{architecture} is not supported: {string.Join("; ", reasons)}. {(averages && uncovered.Count == 0 ? Pooled : Plain)}"
            );
    }

    private static string Reads(string pool) =>
        pool switch
        {
            "avg" => $"it averages the patches, {NoGradient}",
            "map" => $"its classifier pools by attention (map), {NoGradient}",
            "none" => "it does not say what its classifier reads",
            _ => $"its classifier reads the patches pooled by {PrintableName.Of(pool)}, {NoGradient}",
        };
}
