namespace AgCam.Pipeline.Records;

/// <summary>
/// Result of one image for one request. Content-addressed, inserted once, never updated. It holds no time and no host, so equal inputs give
/// equal bytes.
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

    /// <summary>The five most probable classes, highest first; fewer when the model has fewer.</summary>
    public required IReadOnlyList<StoredPrediction> Top { get; init; }

    /// <summary>The 100 highest logits.</summary>
    public required TopLogits Logits { get; init; }

    /// <summary>log(sum(exp(logits))) over all classes. The probability of a stored logit is exp(logit - LogSumExp).</summary>
    public required float LogSumExp { get; init; }

    /// <summary>
    /// Logit of the label when a target names the label, so that the id covers it. For any other label see <see cref="Item.LabelLogit"/>.
    /// </summary>
    public float? LabelLogit { get; init; }

    /// <summary>Maps of each class or contrast, in the order in which the targets first ask for it.</summary>
    public required IReadOnlyList<TargetMap> Maps { get; init; }

    /// <summary><see cref="Explanation.Embedding"/>: float16, little-endian, 2 x width bytes. Null when not requested.</summary>
    public byte[]? Embedding { get; init; }
}

/// <summary>One of the most probable classes.</summary>
/// <param name="Class">Index in the model's output.</param>
/// <param name="Name">The class's name, or its index as text where the model has no names.</param>
/// <param name="Probability">Softmax over all classes.</param>
public sealed record StoredPrediction(int Class, string Name, float Logit, float Probability);

/// <summary>Cheap measures of the picture that find outliers in a dataset without reading the images again.</summary>
/// <param name="Width">Width in pixels after the orientation is applied.</param>
/// <param name="Height">Height in pixels after the orientation is applied.</param>
/// <param name="PerceptualHash">64-bit perceptual hash. Similar pictures differ in few bits.</param>
/// <param name="Brightness">Mean luma in [0, 1].</param>
/// <param name="Blur">Variance of the Laplacian of the luma. Low means blurred.</param>
/// <param name="Entropy">Entropy of the luma histogram in bits, 0 to 8.</param>
/// <param name="LumaP5">5th percentile of the luma in [0, 1]. High means bright everywhere.</param>
/// <param name="LumaP99">99th percentile of the luma in [0, 1]. Low means dark everywhere.</param>
public sealed record PictureFacts(
    int Width,
    int Height,
    long PerceptualHash,
    float Brightness,
    float Blur,
    float Entropy,
    float LumaP5,
    float LumaP99
);
