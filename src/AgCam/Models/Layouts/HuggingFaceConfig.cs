using System.Globalization;
using AgCam.Preprocessing;

namespace AgCam.Models.Layouts;

/// <summary>Reads config.json and preprocessor_config.json of Hugging Face transformers.</summary>
internal static class HuggingFaceConfig
{
    private static readonly Dictionary<string, string> RefusedTypes = new()
    {
        ["dinov2"] = "its classifier reads the class token and the mean of the patches, so the class token gets only part of the gradient",
        ["dinov2_with_registers"] =
            "its classifier reads the class token and the mean of the patches, so the class token gets only part of the gradient",
        ["dinov3_vit"] =
            "transformers has no classifier for it; a model fine-tuned in timm's layout (vit_base_patch16_dinov3) can be "
            + "explained with the method agcam-pooled",
        ["beit"] = "its blocks are BEiT's, which are not the plain ViT's",
        ["data2vec-vision"] = "its blocks are BEiT's, which are not the plain ViT's",
        ["swin"] = "it attends in windows and has no class token",
        ["swinv2"] = "it attends in windows and has no class token",
        ["vit_mae"] = "it reconstructs images and has no classifier",
        ["vit_msn"] = "its head is not tested with this method",
        ["vit_hybrid"] = "its convolutional stem is not covered",
    };

    /// <summary>Image encoders of CLIP and SigLIP; transformers adds a classifier over the mean of their patches.</summary>
    private static readonly HashSet<string> Towers = ["siglip", "siglip2", "siglip_vision_model", "clip", "clip_vision_model"];

    /// <param name="isGiven">True when the user gives the input size; the files may then disagree about it.</param>
    public static ModelDescription Read(ConfigJson config, ConfigJson? processor, bool isGiven = false)
    {
        var type = config.Text("model_type");
        if (Towers.Contains(type))
            throw Refused(
                type,
                HasClassifier(config)
                    ? "its classifier reads the mean of the patches, which is supported only in timm's layout"
                    : "it returns an embedding and has no classes"
            );
        if (RefusedTypes.TryGetValue(type, out var why))
            throw Refused(type, why);
        if (type is not ("vit" or "deit"))
            throw new ModelException(
                ModelFailure.UnknownArchitecture,
                $"A Hugging Face model of type {PrintableName.Of(type)} is unknown. Supported types are vit and deit."
            );
        if (config.OptionalInteger("num_channels") is { } channels and not 3)
            throw Refused(type, $"it has {channels} input channels instead of 3");
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
            // transformers omits id2label for two classes, its default.
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
                $"image_size in config.json is {image.Height} x {image.Width}, but preprocessor_config.json prepares images of "
                    + $"{height} x {wide}. Correct one of them, or give the input size with CheckpointOptions.ImageSize."
            );
        return new ModelDescription(model, preprocessing) { ClassNames = names, WordNetIds = wordNetIds };
    }

    private static bool HasClassifier(ConfigJson config) =>
        config.OptionalTexts("architectures")?.Any(name => name.EndsWith("ForImageClassification", StringComparison.Ordinal)) == true;

    /// <summary>Returns whether the model has both heads of distillation.</summary>
    private static bool Heads(ConfigJson config, string type)
    {
        var classes = config.OptionalTexts("architectures") ?? [];
        if (classes.Any(name => name is "ViTModel" or "DeiTModel" || name.EndsWith("ForMaskedImageModeling", StringComparison.Ordinal)))
            throw new ModelException(
                ModelFailure.NoClassifier,
                $"The checkpoint is a {classes[0]}: an encoder without a classifier, so there is no class to explain. "
                    + "Use a model that was fine-tuned for classification."
            );
        if (type == "vit")
            return false;
        // DeiT in transformers always has a distillation token, which a single head does not read.
        return classes.Contains("DeiTForImageClassificationWithTeacher")
            ? true
            : throw Refused(type, "only DeiTForImageClassificationWithTeacher, with both heads, is supported");
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

        // transformers writes LABEL_0, LABEL_1, ... for unnamed classes.
        if (names.Select((name, index) => name == $"LABEL_{index}").All(isDefault => isDefault))
            return (null, null);
        return (names, names.All(WordNet.IsId) ? names : null);
    }

    private static PreprocessingFields Preprocessing(ConfigJson json)
    {
        if (new[] { "do_normalize", "do_rescale", "do_resize" }.Any(step => json.OptionalFlag(step) == false))
            return new PreprocessingFields { Unsupported = "preprocessing without resizing, rescaling or normalising is not supported." };
        if (json.OptionalNumber("rescale_factor") is { } factor && Math.Abs(factor * 255 - 1) > 1e-6)
            return new PreprocessingFields { Unsupported = $"a rescale_factor of {factor} instead of 1/255 is not supported." };

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
                    Unsupported = "resizing the shorter side without a crop is not supported: inputs would have many shapes.",
                };
        }

        if (Side(json, "size") is not { } size)
            return fields;
        var input = crop ?? size;
        fields = fields with { CropMode = CropMode.Squash, Height = input.Height, Width = input.Width };
        if (input == size)
            return fields;
        // DeiT squashes to 256 x 256, then crops 224 x 224.
        return size.Height == size.Width
            ? fields with
            {
                ResizeTo = size.Height,
            }
            : fields with
            {
                Unsupported = $"squashing to {size.Height} x {size.Width} before a crop is not supported.",
            };
    }

    /// <summary>Reads {height, width}, or one number for both sides, as older versions wrote it.</summary>
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
