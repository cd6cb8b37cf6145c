namespace AgCam.Models.Layouts;

/// <summary>
/// The input size of a timm checkpoint. Its position embeddings and model_args.img_size, with which the model was built, decide;
/// pretrained_cfg.input_size may still be that of the weights that a fine-tuning began with.
/// </summary>
/// <param name="Shape">The model, with the size that its name stands for.</param>
/// <param name="Built">model_args.img_size.</param>
/// <param name="Pretrained">pretrained_cfg.input_size.</param>
internal sealed record TimmInputSize(
    ViTConfig Shape,
    PlacedWeights Placed,
    (int Height, int Width)? Built,
    (int Height, int Width)? Pretrained
)
{
    /// <summary>model_args.dynamic_img_size: timm resizes the position embeddings to whatever picture comes.</summary>
    public bool IsDynamic { get; init; }

    /// <summary>A person says the input size: what the files say about it need not agree.</summary>
    public bool IsGiven { get; init; }

    /// <returns>The size of the stored position embeddings, and the size that pictures are prepared to where the files tell it.</returns>
    /// <exception cref="ModelException">bad-configuration: a contradiction that the weights do not settle.</exception>
    public ((int Height, int Width) Stored, (int Height, int Width)? Input) Decide(string model)
    {
        var named = (Shape.ImageHeight, Shape.ImageWidth);
        var input = IsDynamic || Built is null || Pretrained is null ? Pretrained : Built;
        if (StoredPatches() is not { } patches)
        {
            if (!IsGiven && !IsDynamic && Built is { } built && Pretrained is { } pretrained && built != pretrained)
                throw Contradiction(model, "do not tell the input size");
            return (Built ?? Pretrained ?? named, input);
        }

        if ((Built ?? Pretrained) is { } said)
        {
            if (Fits(said, patches) || FitsOtherTokens(said))
                return (said, input);
            if (IsGiven || Built is null && IsDynamic)
                return (Square(patches) ?? said, input);
            throw Contradiction(model, $"hold positions of {Text(patches)}");
        }

        return (Fits(named, patches) ? named : Square(patches) ?? named, null);
    }

    /// <summary>Number of patches that have a position in the weights; null where the weights do not tell.</summary>
    private long? StoredPatches()
    {
        if (
            Shape.RotaryTemperature is not null
            || Shape.PatchSize is < 1 or > 1 << 10 // the check of the configuration refuses those
            || !Placed.Weights.TryGetValue("pos_embed", out var positions)
            || positions.Shape.Count != 3
        )
            return null;
        long patches = positions.Shape[1] - (Shape.PrefixHasPosition ? Placed.PrefixTokens : 0);
        return patches > 0 ? patches : null;
    }

    /// <summary>The size fits with the tokens that the model should have: the check of the weights then tells which differ.</summary>
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
                + "Correct config.json, or say the input size with --image-size."
        );
    }
}
