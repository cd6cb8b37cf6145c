using System.Text;

namespace AgCam.Models.Layouts;

/// <summary>Lists the weights that a configuration needs: timm's names and their shapes.</summary>
internal static class CanonicalWeights
{
    private const int MaxListed = 1_000;

    /// <summary>Returns every name with its shape, in the order of the computation.</summary>
    public static Dictionary<string, long[]> Of(ViTConfig config)
    {
        long width = config.Width,
            hidden = config.MlpWidth,
            classes = config.Classes,
            patch = config.PatchSize;
        var expected = new Dictionary<string, long[]>(StringComparer.Ordinal);
        if (config.ClassToken)
            expected["cls_token"] = [1, 1, width];
        if (config.Distilled)
            expected["dist_token"] = [1, 1, width];
        if (config.Registers > 0)
            expected["reg_token"] = [1, config.Registers, width];
        var patches = (long)config.GridRows * config.GridColumns;
        if (config.RotaryTemperature is null)
            expected["pos_embed"] = [1, patches + (config.PrefixHasPosition ? config.PrefixTokens : 0), width];
        expected["patch_embed.proj.weight"] = [width, 3, patch, patch];
        if (!config.PreNorm)
            expected["patch_embed.proj.bias"] = [width];
        if (config.PreNorm)
            Norm("norm_pre", width);
        for (var i = 0; i < config.Depth; i++)
        {
            var block = $"blocks.{i}";
            Norm($"{block}.norm1", width);
            Linear($"{block}.attn.qkv", 3 * width, width, config.QkvBias);
            if (config.QkNorm)
            {
                Norm($"{block}.attn.q_norm", config.HeadWidth);
                Norm($"{block}.attn.k_norm", config.HeadWidth);
            }

            Linear($"{block}.attn.proj", width, width);
            if (config.LayerScale)
                expected[$"{block}.ls1.gamma"] = [width];
            Norm($"{block}.norm2", width);
            Linear($"{block}.mlp.fc1", config.MlpRows, width);
            Linear($"{block}.mlp.fc2", width, hidden);
            if (config.LayerScale)
                expected[$"{block}.ls2.gamma"] = [width];
        }

        Norm(config.Pooling == HeadPooling.NormedAverage ? "fc_norm" : "norm", width);
        Linear("head", classes, width);
        if (config.Distilled)
            Linear("head_dist", classes, width);
        return expected;

        void Norm(string name, long size) => (expected[$"{name}.weight"], expected[$"{name}.bias"]) = ([size], [size]);

        void Linear(string name, long outputs, long inputs, bool bias = true)
        {
            expected[$"{name}.weight"] = [outputs, inputs];
            if (bias)
                expected[$"{name}.bias"] = [outputs];
        }
    }

    /// <exception cref="ModelException">keys-do-not-match; the message lists every missing, unexpected and misshapen key.</exception>
    public static void Require(ViTConfig config, PlacedWeights placed, string model)
    {
        var weights = placed.Weights;
        var expected = Of(config);
        var missing = expected.Keys.Where(name => !weights.ContainsKey(name)).ToList();
        var unexpected = weights
            .Keys.Where(name => !expected.ContainsKey(name))
            .Concat(placed.Unexpected)
            .Select(PrintableName.Of)
            .Order(StringComparer.Ordinal)
            .ToList();
        var misshapen = expected
            .Where(pair => weights.TryGetValue(pair.Key, out var found) && !found.Shape.SequenceEqual(pair.Value))
            .Select(pair =>
                $"{pair.Key} is [{string.Join(", ", weights[pair.Key].Shape)}] instead of " + $"[{string.Join(", ", pair.Value)}]"
            )
            .ToList();
        if (missing.Count + unexpected.Count + misshapen.Count == 0)
            return;
        var message = new StringBuilder(
            $"The weights of {model} do not fit {config.Architecture} "
                + $"(width {config.Width}, depth {config.Depth}, {config.Classes} classes)."
        );
        List(" Missing", missing);
        List(" Unexpected", unexpected);
        List(" Misshapen", misshapen);
        message.Append(
            placed.Layout == StoredLayout.HuggingFace
                ? " Names are timm's. Check the configuration, or download the model again."
                : " Names are timm's. Check the configuration (or CheckpointOptions.Architecture), or download the model again."
        );
        throw new ModelException(ModelFailure.KeysDoNotMatch, message.ToString());

        void List(string heading, List<string> names)
        {
            if (names.Count == 0)
                return;
            message.Append($"{heading} ({names.Count}): ").AppendJoin(", ", names.Take(MaxListed));
            message.Append(names.Count > MaxListed ? ", ..." : "").Append('.');
        }
    }
}
