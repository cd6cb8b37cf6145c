using AgCam.Preprocessing;

namespace AgCam.Models.Layouts;

/// <summary>Reads timm's config.json: architecture, model_args, pretrained_cfg.</summary>
internal static class TimmConfig
{
    /// <summary>Arguments that do not change a prediction.</summary>
    private static readonly HashSet<string> Irrelevant =
    [
        "drop_rate",
        "pos_drop_rate",
        "patch_drop_rate",
        "proj_drop_rate",
        "attn_drop_rate",
        "drop_path_rate",
        "weight_init",
        "fix_init",
        "dynamic_img_size",
        "dynamic_img_pad",
        "strict_img_size",
    ];

    private static readonly HashSet<string> Known =
    [
        "img_size",
        "patch_size",
        "in_chans",
        "num_classes",
        "global_pool",
        "embed_dim",
        "depth",
        "num_heads",
        "mlp_ratio",
        "qkv_bias",
        "qk_norm",
        "init_values",
        "class_token",
        "pos_embed",
        "no_embed_class",
        "reg_tokens",
        "pre_norm",
        "final_norm",
        "fc_norm",
        "act_layer",
    ];

    /// <param name="model">Folder or file, for messages.</param>
    public static ModelDescription Read(ConfigJson config, PlacedWeights placed, CheckpointOptions options, string model)
    {
        var architecture = options.Architecture ?? config.Text("architecture");
        var pretrained = config.OptionalSection("pretrained_cfg");
        var args = config.OptionalSection("model_args");
        var pool = args?.OptionalText("global_pool") ?? config.OptionalText("global_pool");
        var named = NamedArchitectures.Find(architecture, pool, options.Pooled);
        var pooling = pool switch
        {
            null => named.Pooling,
            "avg" => HeadPooling.AverageOfNormed,
            _ => HeadPooling.Token,
        };
        CheckArguments(pooling, args, architecture);
        var classToken = args?.OptionalFlag("class_token") ?? named.ClassToken;
        if (!classToken && pooling == HeadPooling.Token)
            throw Refused(architecture, "it has no class token");
        var patch = args?.OptionalSize("patch_size") is { } given ? Square(given, args) : named.PatchSize;
        var width = args?.OptionalInteger("embed_dim") ?? named.Width;
        var registers = args?.OptionalInteger("reg_tokens") ?? named.Registers;
        var shape = named with
        {
            PatchSize = patch,
            Width = width,
            Depth = args?.OptionalInteger("depth") ?? named.Depth,
            Heads = args?.OptionalInteger("num_heads") ?? named.Heads,
            MlpWidth = args?.OptionalNumber("mlp_ratio") is { } ratio
                ? (int)Math.Clamp(width * ratio, 0, int.MaxValue)
                : (int)Math.Clamp((long)width * named.MlpWidth / named.Width, 0, int.MaxValue),
            Classes =
                new[] { args, config, pretrained }
                    .Select(part => part?.OptionalInteger("num_classes"))
                    .FirstOrDefault(count => count is not null)
                ?? named.Classes,
            Activation = args?.OptionalText("act_layer") is { } activation ? ActivationOf(activation, args) : named.Activation,
            Pooling = pooling,
            ClassToken = classToken,
            Registers = registers,
            PrefixHasPosition = args?.OptionalFlag("no_embed_class") is { } noEmbed ? !noEmbed : named.PrefixHasPosition,
            PreNorm = args?.OptionalFlag("pre_norm") ?? named.PreNorm,
            LayerScale = args?.OptionalNumber("init_values") is { } initial ? initial != 0 : named.LayerScale,
            QkNorm = args?.OptionalFlag("qk_norm") ?? named.QkNorm,
            QkvBias = args?.OptionalFlag("qkv_bias") ?? named.QkvBias,
        };

        var sizes = new TimmInputSize(shape, placed, args?.OptionalSize("img_size"), Input(pretrained))
        {
            IsDynamic = args?.OptionalFlag("dynamic_img_size") ?? false,
            IsGiven = options.ImageSize is not null,
        };
        var (stored, input) = sizes.Decide(model);
        var (names, wordNetIds) = ClassNames(config, pretrained);
        return new ModelDescription(shape with { ImageHeight = stored.Height, ImageWidth = stored.Width }, Preprocessing(pretrained, input))
        {
            ClassNames = names,
            WordNetIds = wordNetIds,
            IsFineTuned = pretrained?.OptionalText("tag")?.Contains("ft_", StringComparison.Ordinal) == true,
        };
    }

    private static void CheckArguments(HeadPooling pooling, ConfigJson? args, string architecture)
    {
        if (args is null)
            return;
        var unknown = args
            .Keys.Where(key => args.Has(key) && !Known.Contains(key) && !Irrelevant.Contains(key))
            .Select(PrintableName.Of)
            .ToList();
        if (unknown.Count > 0)
            throw Refused(architecture, $"it has unknown model_args: {string.Join(", ", unknown)}");
        if (args.OptionalFlag("fc_norm") == true && pooling == HeadPooling.Token)
            throw Refused(architecture, "its classifier reads the class token through fc_norm, supported only for averaged patches");
        if (args.OptionalFlag("final_norm") == false)
            throw Refused(architecture, "it has no last layer normalisation");
        if (args.OptionalText("pos_embed") is { } position and not "learn")
            throw Refused(architecture, $"its position embedding is {PrintableName.Of(position)}; only a learned one is supported");
        if (args.OptionalInteger("in_chans") is { } channels and not 3)
            throw Refused(architecture, $"it has {channels} input channels instead of 3");
    }

    private static PreprocessingFields Preprocessing(ConfigJson? pretrained, (int Height, int Width)? input)
    {
        if (pretrained is null)
            return new PreprocessingFields();
        // An old configuration without crop_mode means centre crop in timm.
        var mode = pretrained.OptionalText("crop_mode") switch
        {
            null or "center" => CropMode.Center,
            "squash" => CropMode.Squash,
            "border" => CropMode.Border,
            _ => throw pretrained.Wrong("crop_mode", "center, squash or border"),
        };
        return new PreprocessingFields
        {
            Height = input?.Height,
            Width = input?.Width,
            CropMode = mode,
            CropPct = pretrained.OptionalNumber("crop_pct"),
            Interpolation = pretrained.OptionalText("interpolation") switch
            {
                null => null,
                "nearest" => Interpolation.Nearest,
                "bilinear" => Interpolation.Bilinear,
                "bicubic" => Interpolation.Bicubic,
                "lanczos" => Interpolation.Lanczos,
                _ => throw pretrained.Wrong("interpolation", "nearest, bilinear, bicubic or lanczos"),
            },
            OblongInterpolation = Interpolation.Bilinear,
            Mean = Floats(pretrained, "mean"),
            Std = Floats(pretrained, "std"),
        };
    }

    private static IReadOnlyList<float>? Floats(ConfigJson json, string key) =>
        json.OptionalNumbers(key)?.Select(value => (float)value).ToList();

    /// <summary>Reads input_size: [channels, height, width].</summary>
    private static (int Height, int Width)? Input(ConfigJson? pretrained)
    {
        if (pretrained?.OptionalNumbers("input_size") is not { } size)
            return null;
        return size.Count == 3 && size.All(side => side is >= 1 and <= 65536 && side == Math.Floor(side))
            ? ((int)size[1], (int)size[2])
            : throw pretrained.Wrong("input_size", "[3, height, width]");
    }

    private static (IReadOnlyList<string>? Names, IReadOnlyList<string>? WordNetIds) ClassNames(ConfigJson config, ConfigJson? pretrained)
    {
        var names = config.OptionalTexts("label_names") ?? pretrained?.OptionalTexts("label_names");
        if (names is null || !names.All(WordNet.IsId))
            return (names, null);
        var words = (config.OptionalSection("label_descriptions") ?? pretrained?.OptionalSection("label_descriptions"))?.Strings();
        return (words is null ? names : [.. names.Select(id => words.GetValueOrDefault(id, id))], names);
    }

    private static Activation ActivationOf(string name, ConfigJson args) =>
        name switch
        {
            "gelu" => Activation.Gelu,
            "quick_gelu" => Activation.QuickGelu,
            "gelu_tanh" => Activation.GeluTanh,
            _ => throw args.Wrong("act_layer", "gelu, quick_gelu or gelu_tanh"),
        };

    private static int Square((int Height, int Width) size, ConfigJson args) =>
        size.Height == size.Width ? size.Height : throw args.Wrong("patch_size", "square");

    private static ModelException Refused(string architecture, string why) =>
        new(
            ModelFailure.UnsupportedArchitecture,
            $"{PrintableName.Of(architecture)} is not supported: {why}. Choose a plain ViT whose classifier reads the class token."
        );
}
