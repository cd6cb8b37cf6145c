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
    /// <summary>timm normalises before or after the mean of the patches; the weights are named for it.</summary>
    public ViTConfig Complete(ViTConfig config) => config.Pooling == HeadPooling.Token ? config
        : config with { Pooling = Weights.ContainsKey("fc_norm.weight") ? HeadPooling.NormedAverage : HeadPooling.AverageOfNormed };
}

/// <summary>From the tensors of a file to canonical weights: wrappers' prefixes, the layout, and what is refused at sight.</summary>
internal static class StoredNames
{
    /// <summary>What DataParallel, training frameworks and torch.compile put before every name.</summary>
    private static readonly string[] Wrappers = ["module.", "model.", "_orig_mod."];

    private static readonly (Func<string, bool> Sign, string Why)[] Refused =
    [
        (name => name.StartsWith("attn_pool.", StringComparison.Ordinal) || name.Contains(".head.probe", StringComparison.Ordinal),
            "it pools by attention, so the class token's row has no gradient"),
        (name => name.StartsWith("text_model.", StringComparison.Ordinal) || name.StartsWith("visual.", StringComparison.Ordinal)
                || name.StartsWith("vision_model.", StringComparison.Ordinal) || name is "text_projection" or "logit_scale",
            "it is a model of pictures and texts (CLIP and the like), whose output is an embedding and no class"),
        (name => name.Contains(".mlp.w12.", StringComparison.Ordinal) || name.Contains(".mlp.weights_in.", StringComparison.Ordinal),
            "its MLP is SwiGLU"),
        (name => name.Contains("relative_position_bias", StringComparison.Ordinal), "it has relative positions"),
        (name => name.Split('.').Any(part => part is "rope" or "rope_embed" or "rope_embeddings"),
            "it stores rotary positions; only those of DINOv3 in timm's layout are covered, which follow from the patches' places"),
    ];

    /// <summary>timm's name for one half of a gated MLP, which DINOv3 alone may have.</summary>
    private static readonly (Func<string, bool> Sign, string Why) Gated = (name => name.Contains(".mlp.fc1_g.", StringComparison.Ordinal), "its MLP is SwiGLU");

    /// <param name="pooled">Models that average the patches are wanted.</param>
    public static PlacedWeights ToCanonical(IReadOnlyDictionary<string, WeightTensor> stored, string model, bool pooled = false)
    {
        var tensors = WithoutWrappers(stored);
        foreach (var (sign, why) in EvaLayout.Recognizes(tensors.Keys) ? Refused : [.. Refused, Gated])
            if (tensors.Keys.FirstOrDefault(sign) is { } found)
                throw new ModelException(ModelFailure.UnsupportedArchitecture,
                    $"{model} is not supported: {why} (it holds {PrintableName.Of(found)}). "
                    + "Choose a plain ViT whose classifier reads the class token.");

        if (!pooled && tensors.Keys.FirstOrDefault(name => name.StartsWith("fc_norm.", StringComparison.Ordinal)) is { } afterPooling)
            throw new ModelException(ModelFailure.UnsupportedArchitecture,
                $"{model} is not supported: it averages the patches (fc_norm), so the class token's row has no gradient "
                + $"(it holds {PrintableName.Of(afterPooling)}). {PooledModels.NextStep}");

        var placed = Place(tensors, model);
        if (!placed.Weights.ContainsKey("head.weight"))
            throw new ModelException(ModelFailure.NoClassifier,
                $"{model} is an encoder without a classifier head, which predicts no class to explain. "
                + "Use one that was fine-tuned for classification.");
        foreach (var (name, tensor) in placed.Weights)
            if (!tensor.DType.IsWeight())
                throw new ModelException(ModelFailure.UnsupportedType,
                    $"{model}: {name} is {tensor.DType.Name()}; weights are F32, F16, BF16 or F64. Convert the checkpoint.");
            else if (tensor.DType == DType.F64)
                placed.Weights[name] = new NarrowedTensor(tensor);
        return placed;
    }

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
        throw new ModelException(ModelFailure.KeysDoNotMatch,
            $"{model} holds {tensors.Count} tensors ({names}{(tensors.Count > 5 ? ", ..." : "")}) in no layout that is known here: "
            + "timm, Hugging Face ViT and DeiT, torchvision.");

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
