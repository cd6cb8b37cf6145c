using System.Globalization;

namespace AgCam.Models.Layouts;

/// <summary>
/// A configuration for weights that come without one: sizes from the shapes, everything else from the named architecture.
/// </summary>
internal static class BareWeights
{
    public static ViTConfig Configure(string architecture, PlacedWeights placed, CheckpointOptions options, string model)
    {
        if (placed.Layout == StoredLayout.HuggingFace)
            throw new ModelException(
                ModelFailure.BadConfiguration,
                $"{model} is a Hugging Face checkpoint: its heads, activation and epsilon stand in its config.json. "
                    + "Put that file beside it, and leave --arch out."
            );
        var weights = placed.Weights;
        var named = NamedArchitectures.Find(architecture, options.Pooled);
        var rotary = named.RotaryTemperature is not null;
        var width = rotary ? Side("patch_embed.proj.weight", 4, 0) : Side("pos_embed", 3, 2);
        var patch = Side("patch_embed.proj.weight", 4, 2);
        var depth = 1 + weights.Keys.Select(BlockOf).DefaultIfEmpty(-1).Max();
        // At the named width a different depth means blocks are missing, or that the name is wrong.
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
            return config; // its weights are of no input size
        var (rows, columns) = Grid(config, Side("pos_embed", 3, 1), model);
        return config with { ImageHeight = checked(rows * patch), ImageWidth = checked(columns * patch) };

        int Side(string name, int rank, int dimension)
        {
            if (!weights.TryGetValue(name, out var tensor))
                throw new ModelException(
                    ModelFailure.KeysDoNotMatch,
                    $"{model} holds no {name}, from which the shape of {architecture} would follow."
                );
            return tensor.Shape.Count == rank && tensor.Shape[dimension] is > 0 and <= 1 << 20
                ? (int)tensor.Shape[dimension]
                : throw new ModelException(
                    ModelFailure.KeysDoNotMatch,
                    $"{model}: {name} is [{string.Join(", ", tensor.Shape)}], which no {architecture} has."
                );
        }
    }

    /// <summary>
    /// The number of heads is not in the weights: of another width than the named model's it is asked for.
    /// </summary>
    private static int HeadsOf(ViTConfig named, int width, string model)
    {
        if (width == named.Width)
            return named.Heads;
        throw new ModelException(
            ModelFailure.BadConfiguration,
            $"{model} is {width} wide and {named.Architecture} {named.Width}: the weights do not tell how many attention heads that makes. "
                + "Give --heads, or the right --arch."
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
            $"{model} has positions for {positions} tokens, which with {config.Architecture} is no square grid. "
                + "Give the right --arch; a model with an oblong input needs a config.json that names it."
        );
    }

    private static int BlockOf(string name) =>
        name.StartsWith("blocks.", StringComparison.Ordinal) ? int.Parse(name.Split('.')[1], CultureInfo.InvariantCulture) : -1;
}
