using System.Globalization;
using System.Text.RegularExpressions;

namespace AgCam.Models;

/// <summary>
/// What a name such as vit_base_patch16_224 stands for, in timm's words and in torchvision's. The name gives what the weights do not
/// tell: heads, activation, epsilon, which tokens have a position.
/// </summary>
public static partial class NamedArchitectures
{
    private const string WhyClassToken =
        "AG-CAM follows the gradient of the class token's row; where the classifier reads something else, that gradient is zero or not the "
        + "whole of it";

    private static readonly Dictionary<string, (int Width, int Depth, int Heads, double MlpRatio)> Sizes = new()
    {
        ["tiny"] = (192, 12, 3, 4),
        ["small"] = (384, 12, 6, 4),
        ["medium"] = (512, 12, 8, 4),
        ["base"] = (768, 12, 12, 4),
        ["large"] = (1024, 24, 16, 4),
        ["huge"] = (1280, 32, 16, 4),
        ["giant"] = (1408, 40, 16, 48.0 / 11),
        ["gigantic"] = (1664, 48, 16, 64.0 / 13),
        ["small_plus"] = (384, 12, 6, 4), // these three are DINOv3's, with gated MLPs
        ["huge_plus"] = (1280, 32, 20, 4),
        ["7b"] = (4096, 40, 32, 2),
    };

    private static readonly Dictionary<string, (string Size, int Patch)> Torchvision = new()
    {
        ["vit_b_16"] = ("base", 16),
        ["vit_b_32"] = ("base", 32),
        ["vit_l_16"] = ("large", 16),
        ["vit_l_32"] = ("large", 32),
        ["vit_h_14"] = ("huge", 14),
    };

    /// <summary>Parts of a name that change the model in a way that is not covered, and why.</summary>
    private static readonly Dictionary<string, string> Refused = new()
    {
        ["siglip"] = $"it pools by attention (SigLIP). {WhyClassToken}",
        ["rpn"] = $"it averages the patches. {WhyClassToken}",
        ["rope"] = "rotary position embeddings are not covered",
        ["mci"] = "its convolutional stem is not covered",
    };

    private static readonly (string Prefix, string Why)[] RefusedFamilies =
    [
        ("eva", "EVA has rotary positions and SwiGLU, and averages the patches"),
        ("beit", "BEiT has relative positions and averages the patches"),
        ("swin", "Swin attends in windows and has no class token"),
        ("vitamin", "ViTamin is a hybrid of convolutions and attention"),
        ("vit_relpos", "relative position embeddings are not covered"),
        ("vit_srelpos", "relative position embeddings are not covered"),
        ("samvit", "SAM's encoder has no class token"),
        ("naflexvit", "NaFlex models are not covered"),
        ("cait", "CaiT's class token attends in blocks of its own kind"),
        ("resnet", "it is not a Vision Transformer"),
        ("convnext", "it is not a Vision Transformer"),
    ];

    /// <summary>Some names to choose from, for an error's next step.</summary>
    internal const string Examples = "vit_tiny_patch16_224, vit_base_patch16_224, deit_small_distilled_patch16_224, "
        + "deit3_base_patch16_224, "
        + "vit_small_patch14_reg4_dinov2, vit_base_patch16_clip_224 (timm), vit_b_16, vit_l_32, vit_h_14 (torchvision)";

    /// <summary>
    /// The named model with its usual 1000 classes. A pretraining tag after a dot, as in vit_base_patch16_224.augreg_in21k, is ignored.
    /// </summary>
    /// <param name="pooled">Names of models that average the patches (gap, dinov3) are wanted too.</param>
    /// <exception cref="ModelException">unknown-architecture, or unsupported-architecture with the reason.</exception>
    public static ViTConfig Find(string name, bool pooled = false)
    {
        var bare = name.Split('.')[0];
        if (Torchvision.TryGetValue(bare, out var torchvision))
            return OfSize(bare, torchvision.Size, torchvision.Patch, 224) with { PositionResizing = PositionResizing.Torchvision };

        foreach (var (prefix, why) in RefusedFamilies)
            if (bare.StartsWith(prefix, StringComparison.Ordinal))
                throw new ModelException(ModelFailure.UnsupportedArchitecture,
                    $"{bare} is not supported: {why}. Choose a plain ViT with a class token: {Examples}.");

        var match = TimmName().Match(bare);
        var flags = match.Groups["flags"].Value.Split('_', StringSplitOptions.RemoveEmptyEntries);
        foreach (var flag in bare.Split('_'))
            if (Refused.TryGetValue(flag, out var why))
                throw new ModelException(ModelFailure.UnsupportedArchitecture,
                    $"{bare} is not supported: {why}. Choose a model whose classifier reads the class token: {Examples}.");
        var (size, gated) = (match.Groups["size"].Value, match.Groups["size"].Value is "small_plus" or "huge_plus" or "7b");
        if (bare.Split('_').Contains("dinov3") && (!gated && size is not ("small" or "base" or "large") || match.Groups["patch"].Value != "16"))
            throw new ModelException(ModelFailure.UnsupportedArchitecture,
                $"{bare} is not supported: of DINOv3 the ViTs with patches of 16 are covered: small, small_plus, base, large, huge_plus and 7b.");
        if (!pooled && (flags.Contains("gap") || flags.Contains("dinov3")))
            throw new ModelException(ModelFailure.UnsupportedArchitecture,
                $"{bare} is not supported: it averages the patches. {WhyClassToken}. {PooledModels.NextStep}");
        if (!match.Success || gated && !flags.Contains("dinov3"))
            throw Unknown(name);

        var deit3 = match.Groups["family"].Value == "deit3";
        var config = OfSize(bare, size, Number(match.Groups["patch"].Value), 224) with
        {
            Distilled = match.Groups["distilled"].Success,
            LayerScale = deit3,
            PrefixHasPosition = !deit3,
            Activation = gated ? Activation.SwiGlu : Activation.Gelu,
        };
        return flags.Aggregate(config, (soFar, flag) => WithFlag(soFar, flag, name));
    }

    private static ViTConfig OfSize(string name, string size, int patch, int image)
    {
        var (width, depth, heads, ratio) = Sizes[size];
        return new ViTConfig
        {
            Architecture = name,
            ImageHeight = image,
            ImageWidth = image,
            PatchSize = patch,
            Width = width,
            Depth = depth,
            Heads = heads,
            MlpWidth = (int)Math.Round(width * ratio),
            Classes = 1000,
        };
    }

    private static ViTConfig WithFlag(ViTConfig config, string flag, string name) => flag switch
    {
        "clip" => config with { PreNorm = true, LayerNormEpsilon = 1e-5 },
        "quickgelu" => config with { Activation = Activation.QuickGelu },
        "dinov2" when config.Width == 1408 => throw new ModelException(ModelFailure.UnsupportedArchitecture,
            $"{name} is not supported: its MLP is SwiGLU. The small, base and large DINOv2 models are plain."),
        "dinov2" => config with { LayerScale = true, ImageHeight = 518, ImageWidth = 518 },
        "dinov3" => config with
        {
            Pooling = HeadPooling.AverageOfNormed,
            Registers = 4,
            RotaryTemperature = 100,
            PrefixHasPosition = false,
            LayerScale = true,
            QkvBias = false,
            LayerNormEpsilon = 1e-5,
            ImageHeight = 256,
            ImageWidth = 256,
        },
        "qkvb" when config.RotaryTemperature is not null => config with { QkvBias = true },
        "plus" => config with { Width = 896, Heads = 14, MlpWidth = 3584, LayerScale = true },
        "miil" => config with { QkvBias = false },
        // ViT-B/16 without a class token has 16 heads; the medium ones of 2022 have LayerScale and no qkv bias, those with registers neither.
        "gap" => config with
        {
            Pooling = HeadPooling.AverageOfNormed,
            ClassToken = false,
            Heads = config.Width == 768 ? 16 : config.Heads,
            LayerScale = config.Width == 512 && config.Registers == 0,
            QkvBias = config.Width != 512 || config.Registers > 0,
        },
        "in21k" or "in21ft1k" or "sam" or "dino" => config,
        // timm gives registers no position embedding, and then the class token has none either.
        _ when flag.StartsWith("reg", StringComparison.Ordinal) && flag.Length == 4 && char.IsAsciiDigit(flag[3])
            => config with { Registers = flag[3] - '0', PrefixHasPosition = false },
        _ when flag.Length == 3 && flag.All(char.IsAsciiDigit) => config with { ImageHeight = Number(flag), ImageWidth = Number(flag) },
        _ => throw Unknown(name),
    };

    private static int Number(string digits) => int.Parse(digits, CultureInfo.InvariantCulture);

    private static ModelException Unknown(string name) => new(ModelFailure.UnknownArchitecture,
        $"{PrintableName.Of(name)} is no architecture that is known here. Name the one that the model was built as with --arch, e.g. "
        + $"{Examples}.");

    [GeneratedRegex("^(?<family>vit|deit3|deit)_(?<size>tiny|small_plus|small|medium|base|large|huge_plus|huge|giant|gigantic|7b)_(?<distilled>distilled_)?"
        + "patch(?<patch>[0-9]{1,2})(?<flags>(_[a-z0-9]+)*)$")]
    private static partial Regex TimmName();
}
