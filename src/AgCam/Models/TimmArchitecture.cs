using System.Collections.Frozen;
using System.Globalization;

namespace AgCam.Models;

/// <summary>Describes the model that timm builds under a name: one line of timm-architectures.tsv.</summary>
/// <param name="Class">timm's class, e.g. VisionTransformer or Eva.</param>
/// <param name="MlpWidth">Number of columns of the MLP's second layer.</param>
/// <param name="Pool">timm's global_pool: token, avg or map.</param>
/// <param name="Outputs">Number of rows of the classifier; 0 when timm builds none.</param>
/// <param name="Differs">Attributes of timm's modules that differ from a plain ViT's.</param>
internal sealed record TimmArchitecture(
    string Name,
    string Class,
    int Image,
    int Patch,
    int Width,
    int Depth,
    int Heads,
    int MlpWidth,
    int Prefix,
    bool ClassToken,
    string Pool,
    string Activation,
    double Epsilon,
    int Outputs,
    FrozenDictionary<string, string> Differs
)
{
    private const string DinoV3Positions = "RotaryEmbeddingDinoV3";

    private static readonly Lazy<FrozenDictionary<string, TimmArchitecture>> All = new(Read);

    public static IReadOnlyCollection<string> Names => All.Value.Keys;

    public static TimmArchitecture? Find(string name) => All.Value.GetValueOrDefault(name);

    private string Attention => Differs.GetValueOrDefault("attn", "Attention");

    private string Mlp => Differs.GetValueOrDefault("mlp", "Mlp");

    private HeadPooling Pooling =>
        Pool switch
        {
            "token" => HeadPooling.Token,
            _ when Differs.ContainsKey("fc_norm") => HeadPooling.NormedAverage,
            _ => HeadPooling.AverageOfNormed,
        };

    private bool IsDinoV3 => Differs.GetValueOrDefault("rope") == DinoV3Positions;

    /// <summary>Returns the unsupported features of the model, in words. The pooling is checked elsewhere.</summary>
    public IEnumerable<string> Uncovered()
    {
        if (Class is not ("VisionTransformer" or "VisionTransformerDistilled" or "Eva"))
            yield return $"timm builds it as {Class}, which is not the plain Vision Transformer";
        if (Differs.TryGetValue("embed", out var stem))
            yield return stem == "none" ? "it has no patch embedding" : $"its patch embedding is {stem}";
        if (Differs.TryGetValue("block", out var block) && block is not ("EvaBlock" or "none"))
            yield return $"its blocks are {block}";
        if (Attention is not ("Attention" or "EvaAttention" or "AttentionRope" or "none"))
            yield return $"its attention is {Attention}";
        if (Differs.TryGetValue("rope", out var rope) && rope != DinoV3Positions)
            yield return $"its positions are rotary ({rope})";
        if (Mlp is not ("Mlp" or "none") && !(Mlp == "SwiGLU" && IsDinoV3))
            yield return $"its MLP is {Mlp}";
        if (Differs.TryGetValue("norm", out var norm) && norm != "none")
            yield return $"its normalisation is {norm}";
        if (Differs.ContainsKey("attn_norm"))
            yield return "it normalises inside its attention";
        if (Differs.ContainsKey("mlp_norm"))
            yield return "it normalises inside its MLP";
        if (Differs.GetValueOrDefault("final_norm") == "Identity" && !Differs.ContainsKey("fc_norm"))
            yield return "it has no layer normalisation before its classifier";
    }

    /// <summary>True when the outputs are a CLIP embedding instead of classes.</summary>
    public bool EndsInEmbedding => Outputs is 512 or 640 or 768 or 1024 or 1280;

    /// <summary>Returns the model with 1000 classes. Call it only when <see cref="Uncovered"/> is empty.</summary>
    public ViTConfig ToConfig()
    {
        var distilled = Class == "VisionTransformerDistilled";
        return new ViTConfig
        {
            Architecture = Name,
            ImageHeight = Image,
            ImageWidth = Image,
            PatchSize = Patch,
            Width = Width,
            Depth = Depth,
            Heads = Heads,
            MlpWidth = MlpWidth,
            Classes = 1000,
            Activation = Activation switch
            {
                "GELU" => Models.Activation.Gelu,
                "QuickGELU" => Models.Activation.QuickGelu,
                "GELUTanh" => Models.Activation.GeluTanh,
                "SiLU" when Mlp == "SwiGLU" => Models.Activation.SwiGlu,
                _ => throw new InvalidDataException($"timm-architectures.tsv: {Name} has the unknown activation {Activation}."),
            },
            LayerNormEpsilon = Epsilon,
            Distilled = distilled,
            Pooling = Pooling,
            ClassToken = ClassToken,
            Registers = Prefix - (ClassToken ? 1 : 0) - (distilled ? 1 : 0),
            PrefixHasPosition = !Differs.ContainsKey("pos") && !Differs.ContainsKey("no_embed_class"),
            RotaryTemperature = IsDinoV3 ? 100 : null,
            PreNorm = Differs.ContainsKey("norm_pre"),
            LayerScale = Differs.ContainsKey("ls") || Differs.ContainsKey("gamma"),
            QkvBias = !Differs.ContainsKey("qkv_bias") || Differs.ContainsKey("split_bias"),
        };
    }

    private static FrozenDictionary<string, TimmArchitecture> Read()
    {
        using var stream = typeof(TimmArchitecture).Assembly.GetManifestResourceStream("AgCam.Models.timm-architectures.tsv")!;
        using var reader = new StreamReader(stream);
        var all = new Dictionary<string, TimmArchitecture>(StringComparer.Ordinal);
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#'))
                continue;
            if (line.Split(" = ") is [var former, var name])
                all.Add(former, all[name]);
            else
                all.Add(line[..line.IndexOf('\t')], Parse(line.Split('\t')));
        }

        return all.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static TimmArchitecture Parse(string[] fields)
    {
        int Integer(int field) => int.Parse(fields[field], CultureInfo.InvariantCulture);

        var differs = fields[14]
            .Split(',', StringSplitOptions.RemoveEmptyEntries)
            .Select(pair => pair.Split('='))
            .ToFrozenDictionary(pair => pair[0], pair => pair.Length > 1 ? pair[1] : "true", StringComparer.Ordinal);
        var epsilon = fields[12] == "none" ? 0 : double.Parse(fields[12], CultureInfo.InvariantCulture);
        return new TimmArchitecture(
            fields[0],
            fields[1],
            Integer(2),
            Integer(3),
            Integer(4),
            Integer(5),
            Integer(6),
            Integer(7),
            Integer(8),
            fields[9] == "true",
            fields[10],
            fields[11],
            epsilon,
            Integer(13),
            differs
        );
    }
}
