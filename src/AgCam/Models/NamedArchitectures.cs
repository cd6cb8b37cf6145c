namespace AgCam.Models;

/// <summary>
/// Configurations of timm's and torchvision's models by name, e.g. vit_base_patch16_224. A name gives what the weights do not contain:
/// heads, activation, epsilon and pooling.
/// </summary>
public static class NamedArchitectures
{
    /// <summary>Width, depth, heads, MLP width and patch size of torchvision's models.</summary>
    private static readonly Dictionary<string, (int Width, int Depth, int Heads, int MlpWidth, int Patch)> Torchvision = new()
    {
        ["vit_b_16"] = (768, 12, 12, 3072, 16),
        ["vit_b_32"] = (768, 12, 12, 3072, 32),
        ["vit_l_16"] = (1024, 24, 16, 4096, 16),
        ["vit_l_32"] = (1024, 24, 16, 4096, 32),
        ["vit_h_14"] = (1280, 32, 16, 5120, 14),
    };

    /// <summary>Example names for error messages.</summary>
    internal const string Examples =
        "vit_tiny_patch16_224, vit_base_patch16_224, deit_small_distilled_patch16_224, "
        + "deit3_base_patch16_224, "
        + "vit_small_patch14_reg4_dinov2, vit_base_patch16_clip_224 (timm), vit_b_16, vit_l_32, vit_h_14 (torchvision)";

    /// <summary>
    /// Returns the named model with 1000 classes. A pretraining tag after a dot (vit_base_patch16_224.augreg_in21k) is ignored.
    /// </summary>
    /// <param name="pooled">True also accepts models that average the patches (gap, dinov3).</param>
    /// <exception cref="ModelException">unknown-architecture or unsupported-architecture.</exception>
    public static ViTConfig Find(string name, bool pooled = false) => Find(name, pool: null, pooled);

    /// <param name="pool">global_pool of the configuration; null uses the named model's.</param>
    /// <inheritdoc cref="Find(string, bool)"/>
    internal static ViTConfig Find(string name, string? pool, bool pooled)
    {
        var bare = Bare(name);
        if (Torchvision.TryGetValue(bare, out var torchvision))
        {
            HeadPools.Require(bare, [], pool ?? "token", pooled);
            return Of(bare, torchvision);
        }

        var architecture = TimmArchitecture.Find(bare) ?? throw Unknown(name);
        HeadPools.Require(bare, [.. architecture.Uncovered()], pool ?? architecture.Pool, pooled);
        return architecture.ToConfig() with { Architecture = bare };
    }

    /// <summary>Returns whether timm builds the named model with an embedding as its output.</summary>
    internal static bool EndsInEmbedding(string name, int outputs) =>
        TimmArchitecture.Find(Bare(name)) is { EndsInEmbedding: true } architecture && architecture.Outputs == outputs;

    private static string Bare(string name) => name.Split('.')[0];

    private static ViTConfig Of(string name, (int Width, int Depth, int Heads, int MlpWidth, int Patch) shape) =>
        new()
        {
            Architecture = name,
            ImageHeight = 224,
            ImageWidth = 224,
            PatchSize = shape.Patch,
            Width = shape.Width,
            Depth = shape.Depth,
            Heads = shape.Heads,
            MlpWidth = shape.MlpWidth,
            Classes = 1000,
            PositionResizing = PositionResizing.Torchvision,
        };

    private static ModelException Unknown(string name) =>
        new(
            ModelFailure.UnknownArchitecture,
            $"{PrintableName.Of(name)} is not a known architecture. If the model was built as another one, name it with "
                + $"CheckpointOptions.Architecture, e.g. {Examples}."
        );
}
