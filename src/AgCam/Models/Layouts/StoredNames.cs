namespace AgCam.Models.Layouts;

/// <summary>Whose names a file uses.</summary>
internal enum StoredLayout
{
    Timm,
    HuggingFace,
    Torchvision,
}

/// <summary>A file's tensors under canonical names, and the names that have no place.</summary>
internal sealed record PlacedWeights(StoredLayout Layout, Dictionary<string, WeightTensor> Weights, List<string> Unexpected)
{
    /// <summary>Class, distillation and register tokens that the weights hold.</summary>
    public long PrefixTokens =>
        new[] { "cls_token", "dist_token", "reg_token" }.Sum(name =>
            Weights.TryGetValue(name, out var tokens) && tokens.Shape.Count == 3 ? tokens.Shape[1] : 0
        );

    /// <summary>timm normalises before or after the mean of the patches; the weights are named for it.</summary>
    /// <exception cref="ModelException">bad-configuration: a class token is said to be read, and the weights pool.</exception>
    public ViTConfig Complete(ViTConfig config, string model)
    {
        var afterwards = Weights.ContainsKey("fc_norm.weight");
        if (config.Pooling != HeadPooling.Token)
            return config with { Pooling = afterwards ? HeadPooling.NormedAverage : HeadPooling.AverageOfNormed };
        return !afterwards
            ? config
            : throw new ModelException(
                ModelFailure.BadConfiguration,
                $"{model} normalises after pooling (it holds fc_norm), but {config.Architecture} is said to read the class token. "
                    + "Give the config.json that names its global_pool; without one, give the right --arch."
            );
    }
}

/// <summary>From the tensors of a file to canonical weights: wrappers' prefixes, the layout, and what is refused at sight.</summary>
internal static class StoredNames
{
    /// <summary>What DataParallel, training frameworks and torch.compile put before every name.</summary>
    private static readonly string[] Wrappers = ["module.", "model.", "_orig_mod."];

    private static readonly (Func<string, bool> Sign, string Why)[] Refused =
    [
        (name => IsInBlock(name, ".attn.norm."), "it normalises inside its attention"),
        (name => IsInBlock(name, ".mlp.norm."), "it normalises inside its MLP"),
        (name => name.StartsWith("patch_embed.backbone.", StringComparison.Ordinal), "its patches come from a convolutional stem"),
        (
            name => name.StartsWith("attn_pool.", StringComparison.Ordinal) || name.Contains(".head.probe", StringComparison.Ordinal),
            "it pools by attention, so the class token's row has no gradient"
        ),
        (
            name =>
                name.StartsWith("text_model.", StringComparison.Ordinal)
                || name.StartsWith("visual.", StringComparison.Ordinal)
                || name is "text_projection" or "logit_scale",
            "it is a model of pictures and texts (CLIP and the like), whose output is an embedding and no class"
        ),
        (
            name => name.Contains(".mlp.w12.", StringComparison.Ordinal) || name.Contains(".mlp.weights_in.", StringComparison.Ordinal),
            "its MLP is SwiGLU"
        ),
        (name => name.Contains("relative_position_bias", StringComparison.Ordinal), "it has relative positions"),
        (
            name => name.Split('.').Any(part => part is "rope" or "rope_embed" or "rope_embeddings"),
            "it stores rotary positions; only those of DINOv3 in timm's layout are covered, which follow from the patches' places"
        ),
    ];

    /// <summary>timm's name for one half of a gated MLP, which DINOv3 alone may have.</summary>
    private static readonly (Func<string, bool> Sign, string Why) Gated = (
        name => name.Contains(".mlp.fc1_g.", StringComparison.Ordinal),
        "its MLP is SwiGLU"
    );

    /// <exception cref="ModelException">unsupported-architecture, with every reason that the weights show; no-classifier-head.</exception>
    public static PlacedWeights ToCanonical(IReadOnlyDictionary<string, WeightTensor> stored, string model)
    {
        var tensors = WithoutWrappers(stored);
        var reasons = Uncovered(tensors);
        if (reasons.Count > 0)
            throw new ModelException(
                ModelFailure.UnsupportedArchitecture,
                $"{model} is not supported: {string.Join("; ", reasons)}. Choose a plain ViT whose classifier reads the class token."
            );

        var placed = Place(tensors, model);
        if (!placed.Weights.ContainsKey("head.weight"))
            throw WithoutHead(tensors, model);
        foreach (var (name, tensor) in placed.Weights)
            if (!tensor.DType.IsWeight())
                throw new ModelException(
                    ModelFailure.UnsupportedType,
                    $"{model}: {name} is {tensor.DType.Name()}; weights are F32, F16, BF16 or F64. Convert the checkpoint."
                );
            else if (tensor.DType == DType.F64)
                placed.Weights[name] = new NarrowedTensor(tensor);
        return placed;
    }

    private static List<string> Uncovered(Dictionary<string, WeightTensor> tensors)
    {
        var reasons = new List<string>();
        foreach (var (sign, why) in EvaLayout.Recognizes(tensors.Keys) ? Refused : [.. Refused, Gated])
            if (tensors.Keys.FirstOrDefault(sign) is { } found)
                reasons.Add($"{why} (it holds {PrintableName.Of(found)})");
        if (tensors.Keys.FirstOrDefault(name => name.StartsWith("vision_model.", StringComparison.Ordinal)) is { } tower)
            reasons.Add(
                tensors.ContainsKey("classifier.weight")
                    ? $"it is a CLIP or SigLIP tower with a classifier in transformers' layout (it holds {PrintableName.Of(tower)})"
                    : $"it is a CLIP or SigLIP tower, whose output is an embedding and no class (it holds {PrintableName.Of(tower)})"
            );
        if (IsGatedInOne(tensors))
            reasons.Add("its MLP is gated (blocks.0.mlp.fc1 has twice as many rows as blocks.0.mlp.fc2 has columns)");
        var hasBias = tensors.Keys.Any(name => name.EndsWith(".norm1.bias", StringComparison.Ordinal));
        if (tensors.ContainsKey("blocks.0.norm1.weight") && !hasBias)
            reasons.Add("its normalisation is RMSNorm (blocks.0.norm1 has no bias)");
        return reasons;
    }

    /// <summary>Gate and value in one matrix: timm's GluMlp.</summary>
    private static bool IsGatedInOne(Dictionary<string, WeightTensor> tensors) =>
        tensors.TryGetValue("blocks.0.mlp.fc1.weight", out var first)
        && tensors.TryGetValue("blocks.0.mlp.fc2.weight", out var second)
        && first.Shape.Count == 2
        && second.Shape.Count == 2
        && first.Shape[0] == 2 * second.Shape[1];

    private static bool IsInBlock(string name, string part) =>
        name.StartsWith("blocks.", StringComparison.Ordinal) && name.Contains(part, StringComparison.Ordinal);

    private static ModelException WithoutHead(Dictionary<string, WeightTensor> tensors, string model) =>
        tensors.Keys.FirstOrDefault(name => name.StartsWith("head.", StringComparison.Ordinal) && name != "head.bias") is { } other
            ? new ModelException(
                ModelFailure.UnsupportedArchitecture,
                $"{model} is not supported: its classifier is not the single layer head.weight (it holds {PrintableName.Of(other)}). "
                    + "Choose a plain ViT whose classifier reads the class token."
            )
            : new ModelException(
                ModelFailure.NoClassifier,
                $"{model} is an encoder without a classifier head, which predicts no class to explain. "
                    + "Use one that was fine-tuned for classification."
            );

    private static PlacedWeights Place(Dictionary<string, WeightTensor> tensors, string model)
    {
        if (HuggingFaceLayout.Recognizes(tensors.Keys))
            return Under(StoredLayout.HuggingFace, HuggingFaceLayout.Names, HuggingFaceLayout.WithoutBase);
        if (TorchvisionLayout.Recognizes(tensors.Keys))
            return Under(StoredLayout.Torchvision, TorchvisionLayout.Names, name => name);
        if (EvaLayout.Recognizes(tensors.Keys))
            return Under(StoredLayout.Timm, EvaLayout.Names, name => name);
        if (TimmLayout.Recognizes(tensors.Keys))
            return Under(StoredLayout.Timm, TimmLayout.Names, name => name);
        var names = string.Join(", ", tensors.Keys.Order(StringComparer.Ordinal).Take(5).Select(PrintableName.Of));
        throw new ModelException(
            ModelFailure.KeysDoNotMatch,
            $"{model} holds {tensors.Count} tensors ({names}{(tensors.Count > 5 ? ", ..." : "")}) in no layout that is known here: "
                + "timm, Hugging Face ViT and DeiT, torchvision."
        );

        PlacedWeights Under(StoredLayout layout, NameMap map, Func<string, string> shorten)
        {
            var (weights, unexpected) = map.Apply(tensors.Select(pair => KeyValuePair.Create(shorten(pair.Key), pair.Value)));
            return new PlacedWeights(layout, weights, unexpected);
        }
    }

    /// <summary>The tensors as the model itself names them.</summary>
    public static Dictionary<string, WeightTensor> WithoutWrappers(IReadOnlyDictionary<string, WeightTensor> stored)
    {
        var tensors = new Dictionary<string, WeightTensor>(stored, StringComparer.Ordinal);
        while (tensors.Count > 0 && Wrappers.FirstOrDefault(IsEverywhere) is { } found)
            tensors = tensors.ToDictionary(pair => pair.Key[found.Length..], pair => pair.Value, StringComparer.Ordinal);
        return tensors;

        bool IsEverywhere(string wrapper) => tensors.Keys.All(name => name.StartsWith(wrapper, StringComparison.Ordinal));
    }
}
