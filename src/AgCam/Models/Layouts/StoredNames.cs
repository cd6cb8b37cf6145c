namespace AgCam.Models.Layouts;

/// <summary>Library whose tensor names a file uses.</summary>
internal enum StoredLayout
{
    Timm,
    HuggingFace,
    Torchvision,
}

/// <summary>Tensors of a file under canonical names, and the names that do not map to any.</summary>
internal sealed record PlacedWeights(StoredLayout Layout, Dictionary<string, WeightTensor> Weights, List<string> Unexpected)
{
    /// <summary>Number of class, distillation and register tokens in the weights.</summary>
    public long PrefixTokens =>
        new[] { "cls_token", "dist_token", "reg_token" }.Sum(name =>
            Weights.TryGetValue(name, out var tokens) && tokens.Shape.Count == 3 ? tokens.Shape[1] : 0
        );

    /// <summary>Completes the pooling from the weights' names: fc_norm normalises after the mean of the patches, norm before.</summary>
    /// <exception cref="ModelException">bad-configuration: the configuration names the class token, but the weights pool.</exception>
    public ViTConfig Complete(ViTConfig config, string model)
    {
        var isNormedAfter = Weights.ContainsKey("fc_norm.weight");
        if (config.Pooling != HeadPooling.Token)
            return config with { Pooling = isNormedAfter ? HeadPooling.NormedAverage : HeadPooling.AverageOfNormed };
        return !isNormedAfter
            ? config
            : throw new ModelException(
                ModelFailure.BadConfiguration,
                $"{model} normalises after pooling (it holds fc_norm), but {config.Architecture} reads the class token. "
                    + "Give the config.json that names its global_pool; without one, give the right CheckpointOptions.Architecture."
            );
    }
}

/// <summary>
/// Converts a file's tensors to canonical weights: strips prefixes, detects the layout, refuses unsupported architectures.
/// </summary>
internal static class StoredNames
{
    /// <summary>Prefixes that DataParallel, training frameworks and torch.compile add to every name.</summary>
    private static readonly string[] Wrappers = ["module.", "model.", "_orig_mod."];

    private static readonly (Func<string, bool> Matches, string Why)[] Refused =
    [
        (name => IsInBlock(name, ".attn.norm."), "it normalises inside its attention"),
        (name => IsInBlock(name, ".mlp.norm."), "it normalises inside its MLP"),
        (name => name.StartsWith("patch_embed.backbone.", StringComparison.Ordinal), "its patch embedding is a convolutional stem"),
        (
            name => name.StartsWith("attn_pool.", StringComparison.Ordinal) || name.Contains(".head.probe", StringComparison.Ordinal),
            "it pools by attention, so the class token's row gets no gradient"
        ),
        (
            name =>
                name.StartsWith("text_model.", StringComparison.Ordinal)
                || name.StartsWith("visual.", StringComparison.Ordinal)
                || name is "text_projection" or "logit_scale",
            "it is a model of images and texts (e.g. CLIP), whose output is an embedding instead of classes"
        ),
        (
            name => name.Contains(".mlp.w12.", StringComparison.Ordinal) || name.Contains(".mlp.weights_in.", StringComparison.Ordinal),
            "its MLP is SwiGLU"
        ),
        (name => name.Contains("relative_position_bias", StringComparison.Ordinal), "it has relative positions"),
        (
            name => name.Split('.').Any(part => part is "rope" or "rope_embed" or "rope_embeddings"),
            "it stores rotary positions; only DINOv3's in timm's layout, which are computed, are supported"
        ),
    ];

    /// <summary>timm's name of the gate of a gated MLP, which only DINOv3 may have.</summary>
    private static readonly (Func<string, bool> Matches, string Why) Gated = (
        name => name.Contains(".mlp.fc1_g.", StringComparison.Ordinal),
        "its MLP is SwiGLU"
    );

    /// <exception cref="ModelException">unsupported-architecture, with every reason in the weights; no-classifier-head.</exception>
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
        foreach (var (matches, why) in EvaLayout.Recognizes(tensors.Keys) ? Refused : [.. Refused, Gated])
            if (tensors.Keys.FirstOrDefault(matches) is { } found)
                reasons.Add($"{why} (it holds {PrintableName.Of(found)})");
        if (tensors.Keys.FirstOrDefault(name => name.StartsWith("vision_model.", StringComparison.Ordinal)) is { } tower)
            reasons.Add(
                tensors.ContainsKey("classifier.weight")
                    ? $"it is a CLIP or SigLIP encoder with a classifier in transformers' layout (it holds {PrintableName.Of(tower)})"
                    : $"it is a CLIP or SigLIP encoder, which returns an embedding instead of classes (it holds {PrintableName.Of(tower)})"
            );
        if (IsGatedInOne(tensors))
            reasons.Add("its MLP is gated (blocks.0.mlp.fc1 has twice as many rows as blocks.0.mlp.fc2 has columns)");
        var hasBias = tensors.Keys.Any(name => name.EndsWith(".norm1.bias", StringComparison.Ordinal));
        if (tensors.ContainsKey("blocks.0.norm1.weight") && !hasBias)
            reasons.Add("its normalisation is RMSNorm (blocks.0.norm1 has no bias)");
        return reasons;
    }

    /// <summary>Returns whether gate and value are in one matrix, as in timm's GluMlp.</summary>
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
                $"{model} is an encoder without a classifier, so there is no class to explain. "
                    + "Use a model that was fine-tuned for classification."
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
            $"{model} holds {tensors.Count} tensors ({names}{(tensors.Count > 5 ? ", ..." : "")}) in an unknown layout. "
                + "Known layouts are timm, Hugging Face ViT and DeiT, and torchvision."
        );

        PlacedWeights Under(StoredLayout layout, NameMap map, Func<string, string> shorten)
        {
            var (weights, unexpected) = map.Apply(tensors.Select(pair => KeyValuePair.Create(shorten(pair.Key), pair.Value)));
            return new PlacedWeights(layout, weights, unexpected);
        }
    }

    /// <summary>Returns the tensors without the wrappers' prefixes.</summary>
    public static Dictionary<string, WeightTensor> WithoutWrappers(IReadOnlyDictionary<string, WeightTensor> stored)
    {
        var tensors = new Dictionary<string, WeightTensor>(stored, StringComparer.Ordinal);
        while (tensors.Count > 0 && Wrappers.FirstOrDefault(IsEverywhere) is { } found)
            tensors = tensors.ToDictionary(pair => pair.Key[found.Length..], pair => pair.Value, StringComparer.Ordinal);
        return tensors;

        bool IsEverywhere(string wrapper) => tensors.Keys.All(name => name.StartsWith(wrapper, StringComparison.Ordinal));
    }
}
