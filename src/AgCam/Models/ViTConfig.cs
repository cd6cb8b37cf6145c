using System.Globalization;

namespace AgCam.Models;

/// <summary>Activation between the two linear layers of an MLP. It comes from the checkpoint's configuration.</summary>
public enum Activation
{
    /// <summary>x Phi(x) with the exact erf: timm, torchvision, Hugging Face ViT.</summary>
    Gelu,

    /// <summary>x sigmoid(1.702 x): OpenAI CLIP ("quick GELU").</summary>
    QuickGelu,

    /// <summary>GELU's tanh approximation: some SigLIP models.</summary>
    GeluTanh,

    /// <summary>
    /// silu(a) b, where the MLP's first layer returns a and b: DINOv3's plus sizes and 7B (Shazeer 2020, "GLU Variants Improve
    /// Transformer").
    /// </summary>
    SwiGlu,
}

/// <summary>Method of resizing position embeddings for another input size.</summary>
public enum PositionResizing
{
    /// <summary>timm: bicubic, antialias, align_corners false.</summary>
    Timm,

    /// <summary>torchvision: bicubic, align_corners true.</summary>
    Torchvision,

    /// <summary>Hugging Face: bicubic, align_corners false, no antialias.</summary>
    HuggingFace,
}

/// <summary>Tokens that a model's classifier reads.</summary>
public enum HeadPooling
{
    /// <summary>The class token (and the distillation token), which the paper's method explains.</summary>
    Token,

    /// <summary>The mean of the normalised patch tokens (timm: norm, global_pool avg).</summary>
    AverageOfNormed,

    /// <summary>The normalised mean of the patch tokens (timm: fc_norm, global_pool avg).</summary>
    NormedAverage,
}

/// <summary>Configuration of a pre-norm Vision Transformer, with everything that the weights do not contain.</summary>
public sealed record ViTConfig
{
    /// <summary>timm's name if it has one, e.g. vit_base_patch16_224.</summary>
    public required string Architecture { get; init; }

    /// <summary>Input height in pixels.</summary>
    public required int ImageHeight { get; init; }

    public required int ImageWidth { get; init; }

    public required int PatchSize { get; init; }

    /// <summary>Embedding dimension C.</summary>
    public required int Width { get; init; }

    /// <summary>Number of blocks L.</summary>
    public required int Depth { get; init; }

    /// <summary>Number of attention heads H.</summary>
    public required int Heads { get; init; }

    /// <summary>Hidden width of the MLP, 4 C in most models.</summary>
    public required int MlpWidth { get; init; }

    /// <summary>Number of rows of the MLP's first layer: its width, doubled for a gated MLP.</summary>
    public int MlpRows => Activation == Activation.SwiGlu ? 2 * MlpWidth : MlpWidth;

    public required int Classes { get; init; }

    public Activation Activation { get; init; } = Activation.Gelu;

    /// <summary>
    /// Epsilon of every layer normalisation: 1e-6 in timm and torchvision, 1e-5 in timm's CLIP, 1e-12 in Hugging Face's ViT.
    /// </summary>
    public double LayerNormEpsilon { get; init; } = 1e-6;

    /// <summary>True for distilled DeiT: a second prefix token with its own head; the logits are the mean of both heads.</summary>
    public bool Distilled { get; init; }

    public HeadPooling Pooling { get; init; } = HeadPooling.Token;

    /// <summary>True when the model has a class token; false only in models that average the patches.</summary>
    public bool ClassToken { get; init; } = true;

    /// <summary>Number of register tokens R between the class token and the patches.</summary>
    public int Registers { get; init; }

    /// <summary>True when the prefix tokens have position embeddings (timm: not no_embed_class).</summary>
    public bool PrefixHasPosition { get; init; } = true;

    /// <summary>Upper limit of the periods of DINOv3's rotary positions. Null for a model with position embeddings.</summary>
    public double? RotaryTemperature { get; init; }

    /// <summary>True for CLIP: a layer normalisation (norm_pre) before the first block, and a patch embedding without bias.</summary>
    public bool PreNorm { get; init; }

    /// <summary>True when ls1.gamma and ls2.gamma scale the two branches of a block.</summary>
    public bool LayerScale { get; init; }

    /// <summary>True when attention normalises queries and keys (q_norm, k_norm).</summary>
    public bool QkNorm { get; init; }

    public bool QkvBias { get; init; } = true;

    public PositionResizing PositionResizing { get; init; } = PositionResizing.Timm;

    /// <summary>Number of tokens before the patches: class token, distillation token and registers.</summary>
    public int PrefixTokens => (ClassToken ? 1 : 0) + (Distilled ? 1 : 0) + Registers;

    public int GridRows => ImageHeight / PatchSize;

    public int GridColumns => ImageWidth / PatchSize;

    /// <summary>Number of tokens N: prefix tokens and patches.</summary>
    public int Tokens => PrefixTokens + GridRows * GridColumns;

    /// <summary>First index and count T of the tokens that the classifier reads.</summary>
    public (int First, int Count) HeadTokens =>
        Pooling == HeadPooling.Token ? (0, Distilled ? 2 : 1) : (PrefixTokens, GridRows * GridColumns);

    public int HeadWidth => Width / Heads;

    /// <summary>
    /// Returns the canonical text of everything besides the weights that changes results. It is part of every explanation's identity.
    /// </summary>
    public string Canonical() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"vit/1;{ImageWidth}x{ImageHeight}/{PatchSize};{Width}x{Depth}x{Heads};mlp={MlpWidth};{Activation};eps={LayerNormEpsilon};"
                + $"distilled={Distilled};registers={Registers};prefixpos={PrefixHasPosition};"
                + $"prenorm={PreNorm};qknorm={QkNorm};pos={PositionResizing}"
        )
        + (Pooling == HeadPooling.Token ? "" : $";pool={Pooling};class={ClassToken}")
        + (RotaryTemperature is { } rotary ? FormattableString.Invariant($";rotary={rotary}") : "");
}
