using System.Globalization;

namespace AgCam.Models.Layouts;

/// <summary>Configures weights without a configuration: sizes from the shapes, the rest from the named architecture.</summary>
internal static class BareWeights
{
    public static ViTConfig Configure(string architecture, PlacedWeights placed, CheckpointOptions options, string model)
    {
        if (placed.Layout == StoredLayout.HuggingFace)
            throw new ModelException(
                ModelFailure.BadConfiguration,
                $"{model} is a Hugging Face checkpoint, whose config.json names its heads, activation and epsilon. "
                    + "Put that file into its folder, and omit CheckpointOptions.Architecture."
            );
        var weights = placed.Weights;
        var named = NamedArchitectures.Find(architecture, options.Pooled);
        var rotary = named.RotaryTemperature is not null;
        var width = rotary ? Side("patch_embed.proj.weight", 4, 0) : Side("pos_embed", 3, 2);
        var patch = Side("patch_embed.proj.weight", 4, 2);
        var depth = 1 + weights.Keys.Select(BlockOf).DefaultIfEmpty(-1).Max();
        // At the named width a different depth means missing blocks or a wrong name.
        if (width == named.Width && options.Depth is null)
            depth = named.Depth;
        var config = named with
        {
            PatchSize = patch,
            Width = width,
            Depth = options.Depth ?? depth,
            Heads = options.Heads ?? HeadsOf(named, width, model),
            MlpWidth = Side("blocks.0.mlp.fc2.weight", 2, 1),
            Classes = Side("head.weight", 2, 0),
        };
        if (rotary)
            return config; // rotary weights do not depend on the input size
        var (rows, columns) = Grid(config, Side("pos_embed", 3, 1), model);
        return config with { ImageHeight = checked(rows * patch), ImageWidth = checked(columns * patch) };

        int Side(string name, int rank, int dimension)
        {
            if (!weights.TryGetValue(name, out var tensor))
                throw new ModelException(
                    ModelFailure.KeysDoNotMatch,
                    $"{model} holds no {name}, which the shape of {architecture} depends on. Give the right CheckpointOptions.Architecture."
                );
            return tensor.Shape.Count == rank && tensor.Shape[dimension] is > 0 and <= 1 << 20
                ? (int)tensor.Shape[dimension]
                : throw new ModelException(
                    ModelFailure.KeysDoNotMatch,
                    $"{model}: {name} is [{string.Join(", ", tensor.Shape)}], which does not fit {architecture}. "
                        + "Give the right CheckpointOptions.Architecture."
                );
        }
    }

    /// <summary>Returns the number of heads, which the weights do not contain: required for another width than the named model's.</summary>
    private static int HeadsOf(ViTConfig named, int width, string model)
    {
        if (width == named.Width)
            return named.Heads;
        throw new ModelException(
            ModelFailure.BadConfiguration,
            $"{model} has a width of {width}, but {named.Architecture} has {named.Width}. The weights do not contain the number of heads. "
                + "Give CheckpointOptions.Heads, or the right CheckpointOptions.Architecture."
        );
    }

    private static (int Rows, int Columns) Grid(ViTConfig config, int positions, string model)
    {
        var patches = positions - (config.PrefixHasPosition ? config.PrefixTokens : 0);
        var side = (int)Math.Round(Math.Sqrt(Math.Max(0, patches)));
        if (side > 0 && side * side == patches)
            return (side, side);
        throw new ModelException(
            ModelFailure.BadConfiguration,
            $"{model} has positions for {positions} tokens, which is not a square grid for {config.Architecture}. "
                + "Give the right CheckpointOptions.Architecture. A model with an oblong input needs a config.json with its input size."
        );
    }

    private static int BlockOf(string name) =>
        name.StartsWith("blocks.", StringComparison.Ordinal) ? int.Parse(name.Split('.')[1], CultureInfo.InvariantCulture) : -1;
}
