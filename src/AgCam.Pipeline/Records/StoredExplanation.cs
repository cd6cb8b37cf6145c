namespace AgCam.Pipeline.Records;

/// <summary>
/// What one image gives for one request. Content-addressed, inserted once, never updated, and free of timing and host: the same input gives
/// the same bytes.
/// </summary>
public sealed record StoredExplanation
{
    public const int MaxTop = 5;

    /// <summary>See <see cref="ExplanationId"/>.</summary>
    public required Digest Id { get; init; }

    /// <summary>SHA-256 of the image file's bytes.</summary>
    public required Digest Image { get; init; }

    /// <summary>See <see cref="AgCam.Provenance.Id"/>.</summary>
    public required Digest Provenance { get; init; }

    public required PictureFacts Picture { get; init; }

    /// <summary>The five most probable classes, most probable first; fewer when the model has fewer.</summary>
    public required IReadOnlyList<StoredPrediction> Top { get; init; }

    public required TopLogits Logits { get; init; }

    /// <summary>log(sum(exp(logits))) over all classes: turns any kept logit into a probability.</summary>
    public required float LogSumExp { get; init; }

    /// <summary>
    /// The label's logit where a target names the label, so that the id covers it. For any other label see <see cref="Item.LabelLogit"/>.
    /// </summary>
    public float? LabelLogit { get; init; }

    /// <summary>One for each resolved target, in the order of the targets.</summary>
    public required IReadOnlyList<TargetMap> Maps { get; init; }

    /// <summary>The class token after the last norm, float16 little-endian, when it was asked for.</summary>
    public byte[]? Embedding { get; init; }
}

/// <summary>One of the most probable classes.</summary>
/// <param name="Class">Index in the model's output.</param>
/// <param name="Name">The class's name, or its index as text where the model has no names.</param>
/// <param name="Probability">Softmax over all classes.</param>
public sealed record StoredPrediction(int Class, string Name, float Logit, float Probability);

/// <summary>Cheap facts about the picture, enough to find the odd ones of a data set without reading the images again.</summary>
/// <param name="Width">Pixels, as shown (orientation applied).</param>
/// <param name="Height">Pixels, as shown.</param>
/// <param name="PerceptualHash">64 bits; pictures that look alike differ in few.</param>
/// <param name="Brightness">Mean luma in [0, 1].</param>
/// <param name="Blur">Variance of the Laplacian of the luma; low is blurred.</param>
/// <param name="Entropy">Bits of the luma's histogram, 0 to 8.</param>
public sealed record PictureFacts(int Width, int Height, long PerceptualHash, float Brightness, float Blur, float Entropy);
