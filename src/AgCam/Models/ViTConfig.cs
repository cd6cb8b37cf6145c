namespace AgCam.Models;

/// <summary>
/// The activation between the two linear layers of an MLP. It is not in the weights: it comes from the checkpoint's configuration.
/// </summary>
public enum Activation
{
    /// <summary>x Phi(x), exact erf form: timm, torchvision, Hugging Face ViT.</summary>
    Gelu,

    /// <summary>x sigmoid(1.702 x): OpenAI CLIP ("quick GELU").</summary>
    QuickGelu,

    /// <summary>The tanh approximation of GELU: some SigLIP.</summary>
    GeluTanh,

    /// <summary>
    /// silu(a) b, where the MLP's first layer gives a and b: the plus sizes and 7B of DINOv3 (Shazeer 2020, "GLU Variants Improve
    /// Transformer").
    /// </summary>
    SwiGlu,
}

/// <summary>How a model resizes its position embeddings when another input size is asked for.</summary>
public enum PositionResizing
{
    /// <summary>timm: bicubic, antialias, align_corners false.</summary>
    Timm,

    /// <summary>torchvision: bicubic, align_corners true.</summary>
    Torchvision,

    /// <summary>Hugging Face: bicubic, align_corners false, no antialias.</summary>
    HuggingFace,
}

/// <summary>What a model's classifier reads.</summary>
public enum HeadPooling
{
    /// <summary>The class token (and the distillation token): what the paper's method explains.</summary>
    Token,

    /// <summary>The mean of the patch tokens, each normalised before (timm: norm, global_pool avg).</summary>
    AverageOfNormed,

    /// <summary>The mean of the patch tokens, normalised afterwards (timm: fc_norm, global_pool avg).</summary>
    NormedAverage,
}

/// <summary>The shape of a pre-norm Vision Transformer. Everything that the weights alone do not tell is here.</summary>
public sealed record ViTConfig
{
    /// <summary>timm's name where there is one, e.g. vit_base_patch16_224.</summary>
    public required string Architecture { get; init; }

    /// <summary>Input size in pixels.</summary>
    public required int ImageHeight { get; init; }

    public required int ImageWidth { get; init; }

    public required int PatchSize { get; init; }

    /// <summary>Embedding dimension C.</summary>
    public required int Width { get; init; }

    /// <summary>Number of blocks L.</summary>
    public required int Depth { get; init; }

    /// <summary>Attention heads H; the head dimension is Width / Heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Hidden width of the MLP, 4 C in most models.</summary>
    public required int MlpWidth { get; init; }

    /// <summary>What the MLP's first layer gives: its width, and twice that where one half gates the other.</summary>
    public int MlpRows => Activation == Activation.SwiGlu ? 2 * MlpWidth : MlpWidth;

    public required int Classes { get; init; }

    public Activation Activation { get; init; } = Activation.Gelu;

    /// <summary>Epsilon of every layer normalisation: 1e-6 timm and torchvision, 1e-5 timm CLIP, 1e-12 Hugging Face ViT.</summary>
    public double LayerNormEpsilon { get; init; } = 1e-6;

    /// <summary>DeiT distilled: a second prefix token with a head of its own; the logits are the mean of the two heads.</summary>
    public bool Distilled { get; init; }

    public HeadPooling Pooling { get; init; } = HeadPooling.Token;

    /// <summary>False only in models that average the patches.</summary>
    public bool ClassToken { get; init; } = true;

    /// <summary>Register tokens R between the class token and the patches.</summary>
    public int Registers { get; init; }

    /// <summary>True when the prefix tokens have position embeddings (timm: not no_embed_class).</summary>
    public bool PrefixHasPosition { get; init; } = true;

    /// <summary>
    /// DINOv3: queries and keys are turned by the patches' places, with periods up to this; there are no position embeddings then.
    /// Null: there are.
    /// </summary>
    public double? RotaryTemperature { get; init; }

    /// <summary>CLIP: a layer normalisation (norm_pre) before the first block, and a patch embedding without bias.</summary>
    public bool PreNorm { get; init; }

    /// <summary>LayerScale: ls1.gamma and ls2.gamma on the two branches of a block.</summary>
    public bool LayerScale { get; init; }

    /// <summary>Layer normalisation of queries and keys inside each attention (q_norm, k_norm).</summary>
    public bool QkNorm { get; init; }

    public bool QkvBias { get; init; } = true;

    public PositionResizing PositionResizing { get; init; } = PositionResizing.Timm;

    /// <summary>Class token, distillation token and registers: the tokens before the patches.</summary>
    public int PrefixTokens => (ClassToken ? 1 : 0) + (Distilled ? 1 : 0) + Registers;

    public int GridRows => ImageHeight / PatchSize;

    public int GridColumns => ImageWidth / PatchSize;

    /// <summary>Prefix tokens + patches, N.</summary>
    public int Tokens => PrefixTokens + GridRows * GridColumns;

    /// <summary>The tokens that the classifier reads: T of them, from the first.</summary>
    public (int First, int Count) HeadTokens =>
        Pooling == HeadPooling.Token ? (0, Distilled ? 2 : 1) : (PrefixTokens, GridRows * GridColumns);

    public int HeadWidth => Width / Heads;

    /// <summary>Canonical text of what decides the numbers besides the weights: part of every explanation's identity.</summary>
    public string Canonical() =>
        FormattableString.Invariant(
            $"vit/1;{ImageWidth}x{ImageHeight}/{PatchSize};{Width}x{Depth}x{Heads};mlp={MlpWidth};{Activation};eps={LayerNormEpsilon};distilled={Distilled};registers={Registers};prefixpos={PrefixHasPosition};prenorm={PreNorm};qknorm={QkNorm};pos={PositionResizing}"
        )
        + (Pooling == HeadPooling.Token ? "" : $";pool={Pooling};class={ClassToken}")
        + (RotaryTemperature is { } rotary ? FormattableString.Invariant($";rotary={rotary}") : "");
}
