using System.Globalization;
using AgCam.Preprocessing;

namespace AgCam.Models.Layouts;

/// <summary>config.json and preprocessor_config.json as Hugging Face transformers writes them.</summary>
internal static class HuggingFaceConfig
{
    private static readonly Dictionary<string, string> RefusedTypes = new()
    {
        ["dinov2"] = "its classifier reads the class token and the mean of the patches together, so the gradient reaches the patches too",
        ["dinov2_with_registers"] =
            "its classifier reads the class token and the mean of the patches together, " + "so the gradient reaches the patches too",
        ["dinov3_vit"] =
            "transformers has no classifier for it; one that was fine-tuned in timm's layout (vit_base_patch16_dinov3) can be "
            + "explained with --method agcam-pooled",
        ["beit"] = "its blocks are BEiT's, which are not the plain ViT's",
        ["data2vec-vision"] = "its blocks are BEiT's, which are not the plain ViT's",
        ["swin"] = "it attends in windows and has no class token",
        ["swinv2"] = "it attends in windows and has no class token",
        ["vit_mae"] = "it reconstructs pictures and has no classifier",
        ["vit_msn"] = "its head has not been checked against this method",
        ["vit_hybrid"] = "its convolutional stem is not covered",
    };

    /// <summary>Towers of models of pictures and texts; transformers puts a classifier over the mean of their patches.</summary>
    private static readonly HashSet<string> Towers = ["siglip", "siglip2", "siglip_vision_model", "clip", "clip_vision_model"];

    /// <param name="isGiven">A person says the input size: what the files say about it need not agree.</param>
    public static ModelDescription Read(ConfigJson config, ConfigJson? processor, bool isGiven = false)
    {
        var type = config.Text("model_type");
        if (Towers.Contains(type))
            throw Refused(
                type,
                HasClassifier(config)
                    ? "its classifier reads the mean of the patches, which is covered in timm's layout alone"
                    : "it embeds pictures and has no classes"
            );
        if (RefusedTypes.TryGetValue(type, out var why))
            throw Refused(type, why);
        if (type is not ("vit" or "deit"))
            throw new ModelException(
                ModelFailure.UnknownArchitecture,
                $"A Hugging Face model of type {PrintableName.Of(type)} is not known here: vit and deit are."
            );
        if (config.OptionalInteger("num_channels") is { } channels and not 3)
            throw Refused(type, $"it takes {channels} channels; pictures have 3");
        var distilled = Heads(config, type);

        var image = config.OptionalSize("image_size") ?? throw config.Missing("image_size");
        var patch = config.OptionalSize("patch_size") ?? throw config.Missing("patch_size");
        if (patch.Height != patch.Width)
            throw config.Wrong("patch_size", "square");
        var (names, wordNetIds) = ClassNames(config);
        var model = new ViTConfig
        {
            Architecture = $"hf_{type}_patch{patch.Height}_{image.Height}",
            ImageHeight = image.Height,
            ImageWidth = image.Width,
            PatchSize = patch.Height,
            Width = config.Integer("hidden_size"),
            Depth = config.Integer("num_hidden_layers"),
            Heads = config.Integer("num_attention_heads"),
            MlpWidth = config.Integer("intermediate_size"),
            // transformers leaves id2label out when there are two classes, its default.
            Classes = config.OptionalSection("id2label")?.Keys.Count() ?? config.OptionalInteger("num_labels") ?? 2,
            Activation = ActivationOf(config),
            LayerNormEpsilon = config.OptionalNumber("layer_norm_eps") ?? throw config.Missing("layer_norm_eps"),
            Distilled = distilled,
            QkvBias = config.OptionalFlag("qkv_bias") ?? true,
            PositionResizing = PositionResizing.HuggingFace,
        };
        var preprocessing = processor is null ? new PreprocessingFields() : Preprocessing(processor);
        if (!isGiven && preprocessing is { Height: { } height, Width: { } wide } && (height, wide) != image)
            throw new ModelException(
                ModelFailure.BadConfiguration,
                $"config.json says an image_size of {image.Height} x {image.Width}, and preprocessor_config.json prepares pictures of "
                    + $"{height} x {wide}, which transformers refuses too. Correct one of them, or say the input size with --image-size."
            );
        return new ModelDescription(model, preprocessing) { ClassNames = names, WordNetIds = wordNetIds };
    }

    private static bool HasClassifier(ConfigJson config) =>
        config.OptionalTexts("architectures")?.Any(name => name.EndsWith("ForImageClassification", StringComparison.Ordinal)) == true;

    /// <summary>Whether the model has the two heads of distillation.</summary>
    private static bool Heads(ConfigJson config, string type)
    {
        var classes = config.OptionalTexts("architectures") ?? [];
        if (classes.Any(name => name is "ViTModel" or "DeiTModel" || name.EndsWith("ForMaskedImageModeling", StringComparison.Ordinal)))
            throw new ModelException(
                ModelFailure.NoClassifier,
                $"The checkpoint is a {classes[0]}: an encoder without a classifier head, which predicts no class to explain. "
                    + "Use one that was fine-tuned for classification."
            );
        if (type == "vit")
            return false;
        // A DeiT of transformers always carries a distillation token; with one head only, it would feed nothing.
        return classes.Contains("DeiTForImageClassificationWithTeacher")
            ? true
            : throw Refused(type, "only DeiTForImageClassificationWithTeacher, with both of its heads, is covered");
    }

    private static Activation ActivationOf(ConfigJson config) =>
        config.Text("hidden_act") switch
        {
            "gelu" => Activation.Gelu,
            "quick_gelu" => Activation.QuickGelu,
            "gelu_pytorch_tanh" or "gelu_new" => Activation.GeluTanh,
            _ => throw config.Wrong("hidden_act", "gelu, quick_gelu or gelu_pytorch_tanh"),
        };

    private static (IReadOnlyList<string>? Names, IReadOnlyList<string>? WordNetIds) ClassNames(ConfigJson config)
    {
        if (config.OptionalSection("id2label")?.Strings() is not { } byId)
            return (null, null);
        var names = new string[byId.Count];
        foreach (var (id, name) in byId)
        {
            if (
                !int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
                || index >= names.Length
                || names[index] is not null
            )
                throw config.Wrong("id2label", "numbered from 0 without gaps");
            names[index] = name;
        }

        // LABEL_0, LABEL_1, ... is what transformers writes when nobody named the classes.
        if (names.Select((name, index) => name == $"LABEL_{index}").All(isDefault => isDefault))
            return (null, null);
        return (names, names.All(WordNet.IsId) ? names : null);
    }

    private static PreprocessingFields Preprocessing(ConfigJson json)
    {
        if (new[] { "do_normalize", "do_rescale", "do_resize" }.Any(step => json.OptionalFlag(step) == false))
            return new PreprocessingFields { Unsupported = "leaving out resizing, rescaling or normalising is not covered." };
        if (json.OptionalNumber("rescale_factor") is { } factor && Math.Abs(factor * 255 - 1) > 1e-6)
            return new PreprocessingFields { Unsupported = $"a rescale_factor of {factor} (instead of 1/255) is not covered." };

        var crop = json.OptionalFlag("do_center_crop") == true ? Side(json, "crop_size") : null;
        var fields = new PreprocessingFields
        {
            Interpolation = json.OptionalInteger("resample") switch
            {
                null => null,
                0 => Interpolation.Nearest,
                1 => Interpolation.Lanczos,
                2 => Interpolation.Bilinear,
                3 => Interpolation.Bicubic,
                _ => throw json.Wrong("resample", "0 (nearest), 1 (lanczos), 2 (bilinear) or 3 (bicubic)"),
            },
            CropRounding = CropRounding.Down,
            Mean = Floats(json, "image_mean"),
            Std = Floats(json, "image_std"),
        };
        if (json.IsSection("size") && json.Section("size").OptionalInteger("shortest_edge") is { } shorter)
        {
            return crop is { } cropped
                ? fields with
                {
                    CropMode = CropMode.Center,
                    ResizeTo = shorter,
                    Height = cropped.Height,
                    Width = cropped.Width,
                }
                : fields with
                {
                    Unsupported = "resizing the shorter side without a crop, to inputs of many shapes, is not covered.",
                };
        }

        if (Side(json, "size") is not { } size)
            return fields;
        var input = crop ?? size;
        fields = fields with { CropMode = CropMode.Squash, Height = input.Height, Width = input.Width };
        if (input == size)
            return fields;
        // DeiT squashes to 256 x 256 and crops 224 x 224 from it.
        return size.Height == size.Width
            ? fields with
            {
                ResizeTo = size.Height,
            }
            : fields with
            {
                Unsupported = $"squashing to {size.Height} x {size.Width} and then cropping is not covered.",
            };
    }

    /// <summary>{height, width}, or one number for both as older versions wrote it.</summary>
    private static (int Height, int Width)? Side(ConfigJson json, string key) =>
        json.IsSection(key) ? (json.Section(key).Integer("height"), json.Section(key).Integer("width")) : json.OptionalSize(key);

    private static IReadOnlyList<float>? Floats(ConfigJson json, string key) =>
        json.OptionalNumbers(key)?.Select(value => (float)value).ToList();

    private static ModelException Refused(string type, string why) =>
        new(
            ModelFailure.UnsupportedArchitecture,
            $"A Hugging Face model of type {type} is not supported: {why}. Choose a ViTForImageClassification."
        );
}
