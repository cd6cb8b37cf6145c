namespace AgCam.Models;

/// <summary>
/// The models that names such as vit_base_patch16_224 stand for: timm's, from the table of what timm builds, and torchvision's five. A name
/// gives what the weights do not tell: heads, activation, epsilon, what the classifier reads.
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

    /// <summary>Some names to choose from, for an error's next step.</summary>
    internal const string Examples =
        "vit_tiny_patch16_224, vit_base_patch16_224, deit_small_distilled_patch16_224, "
        + "deit3_base_patch16_224, "
        + "vit_small_patch14_reg4_dinov2, vit_base_patch16_clip_224 (timm), vit_b_16, vit_l_32, vit_h_14 (torchvision)";

    /// <summary>
    /// The named model with its usual 1000 classes. A pretraining tag after a dot, as in vit_base_patch16_224.augreg_in21k, is ignored.
    /// </summary>
    /// <param name="pooled">Names of models that average the patches (gap, dinov3) are wanted too.</param>
    /// <exception cref="ModelException">unknown-architecture, or unsupported-architecture with the reason.</exception>
    public static ViTConfig Find(string name, bool pooled = false) => Find(name, pool: null, pooled);

    /// <param name="pool">timm's global_pool where a configuration names it; null: the named model's own.</param>
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

    /// <summary>True where timm builds the named model with outputs that are an embedding.</summary>
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
            $"{PrintableName.Of(name)} is no architecture that is known here. If the model was built as one that is, name that one with "
                + $"--arch, e.g. {Examples}."
        );
}
