namespace AgCam.Models.Layouts;

/// <summary>
/// Decides the input size of a timm checkpoint. Position embeddings and model_args.img_size take precedence: after fine-tuning,
/// pretrained_cfg.input_size may still be the size of the original weights.
/// </summary>
/// <param name="Shape">Model with the input size of its name.</param>
/// <param name="Built">model_args.img_size.</param>
/// <param name="Pretrained">pretrained_cfg.input_size.</param>
internal sealed record TimmInputSize(
    ViTConfig Shape,
    PlacedWeights Placed,
    (int Height, int Width)? Built,
    (int Height, int Width)? Pretrained
)
{
    /// <summary>model_args.dynamic_img_size: timm resizes the position embeddings to each input.</summary>
    public bool IsDynamic { get; init; }

    /// <summary>True when the user gives the input size; the files may then disagree about it.</summary>
    public bool IsGiven { get; init; }

    /// <returns>Input size of the stored position embeddings, and input size of the preprocessing if the files contain it.</returns>
    /// <exception cref="ModelException">bad-configuration: the files contradict each other, and the weights fit neither.</exception>
    public ((int Height, int Width) Stored, (int Height, int Width)? Input) Decide(string model)
    {
        var named = (Shape.ImageHeight, Shape.ImageWidth);
        var input = IsDynamic || Built is null || Pretrained is null ? Pretrained : Built;
        if (StoredPatches() is not { } patches)
        {
            if (!IsGiven && !IsDynamic && Built is { } built && Pretrained is { } pretrained && built != pretrained)
                throw Contradiction(model, "do not contain the input size");
            return (Built ?? Pretrained ?? named, input);
        }

        if ((Built ?? Pretrained) is { } declared)
        {
            if (Fits(declared, patches) || FitsOtherTokens(declared))
                return (declared, input);
            if (IsGiven || Built is null && IsDynamic)
                return (Square(patches) ?? declared, input);
            throw Contradiction(model, $"hold positions of {Text(patches)}");
        }

        return (Fits(named, patches) ? named : Square(patches) ?? named, null);
    }

    /// <summary>Returns the number of patches with a stored position; null when the weights do not contain it.</summary>
    private long? StoredPatches()
    {
        if (
            Shape.RotaryTemperature is not null
            || Shape.PatchSize is < 1 or > 1 << 10 // refused later, when the configuration is validated
            || !Placed.Weights.TryGetValue("pos_embed", out var positions)
            || positions.Shape.Count != 3
        )
            return null;
        long patches = positions.Shape[1] - (Shape.PrefixHasPosition ? Placed.PrefixTokens : 0);
        return patches > 0 ? patches : null;
    }

    /// <summary>Returns whether the size fits another number of prefix tokens; the check of the weights then reports them.</summary>
    private bool FitsOtherTokens((int Height, int Width) size)
    {
        var positions = Placed.Weights["pos_embed"].Shape[1];
        return Fits(size, positions) || Fits(size, positions - Shape.PrefixTokens);
    }

    private bool Fits((int Height, int Width) size, long patches) =>
        size.Height % Shape.PatchSize == 0
        && size.Width % Shape.PatchSize == 0
        && (long)(size.Height / Shape.PatchSize) * (size.Width / Shape.PatchSize) == patches;

    private (int Height, int Width)? Square(long patches)
    {
        var side = (int)Math.Round(Math.Sqrt(patches));
        return (long)side * side == patches ? (checked(side * Shape.PatchSize), checked(side * Shape.PatchSize)) : null;
    }

    private string Text(long patches) =>
        Square(patches) is { } square
            ? $"{square.Height / Shape.PatchSize} x {square.Width / Shape.PatchSize} patches ({square.Height} x {square.Width} pixels)"
            : $"{patches} patches";

    private ModelException Contradiction(string model, string weights)
    {
        static string Sides((int Height, int Width)? size) => size is { } given ? $"{given.Height} x {given.Width}" : "missing";

        return new ModelException(
            ModelFailure.BadConfiguration,
            $"{model}: the weights {weights}, model_args.img_size is {Sides(Built)} and pretrained_cfg.input_size is {Sides(Pretrained)}. "
                + "Correct config.json, or give the input size with CheckpointOptions.ImageSize."
        );
    }
}
