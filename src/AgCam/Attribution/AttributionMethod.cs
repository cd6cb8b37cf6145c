using AgCam.Heatmaps;
using AgCam.Models;
using static TorchSharp.torch;

namespace AgCam.Attribution;

/// <summary>A way to say where a model looked, by name. <see cref="All"/> is the registry.</summary>
public sealed class AttributionMethod
{
    private readonly Func<AttributionBatch, IReadOnlyList<Heatmap?>> _maps;

    private AttributionMethod(string name, string description, Func<AttributionBatch, IReadOnlyList<Heatmap?>> maps) =>
        (Name, Description, _maps) = (name, description, maps);

    private AttributionMethod(string name, string description, Func<AttributionBatch, Tensor> maps)
        : this(name, description, batch => AttributionBatch.Heatmaps(maps(batch))) { }

    /// <summary>The name of the paper's method, which the others are compared with.</summary>
    public const string Paper = "agcam";

    /// <summary>Its relative for heads that average the patches.</summary>
    public const string Pooled = "agcam-pooled";

    public static IReadOnlyList<AttributionMethod> All { get; } =
    [
        new(
            Paper,
            "Attention Guided CAM: sum over blocks and heads of sigmoid(S) (dY/dA)+, gradients cut at every attention's input.",
            b => Plain(AttentionGuidedCam.Maps(b.Model, b.Pass, b.Target.unsqueeze(1)).Positive)
        ),
        new(
            "agcam-signed",
            "AG-CAM's evidence for the class minus the evidence against it.",
            b =>
            {
                var (positive, negative) = AttentionGuidedCam.Maps(b.Model, b.Pass, b.Target.unsqueeze(1), signed: true);
                return Plain(positive - negative!);
            }
        ),
        new(
            "agcam-contrastive",
            "AG-CAM of the class against the most probable other class.",
            b =>
                Plain(
                    AttentionGuidedCam
                        .Maps(b.Model, b.Pass, b.Target.unsqueeze(1), b.BestOther().unsqueeze(1), ones_like(b.Target, float32).unsqueeze(1))
                        .Positive
                )
        ),
        new(
            "agcam-product",
            "AG-CAM's map of each block, scaled to [0, 1], multiplied over the blocks.",
            b => ProductOverBlocks.Maps(b.Model, b.Pass, b.Target)
        ),
        new(
            Pooled,
            "A relative of AG-CAM, not the paper's: for models whose head averages the patches, one chain for each pooled token.",
            b => Plain(PooledAttentionCam.Maps(b.Model, b.Pass, b.Target.unsqueeze(1)).Positive)
        )
        {
            Heads = Heads.Average,
            OnlyWhenNamed = true,
        },
        new(
            "rollout",
            "Attention rollout (Abnar and Zuidema 2020). It knows nothing of classes.",
            b => AttentionRollout.Maps(b.Model, b.Input)
        )
        {
            Heads = Heads.Both,
        },
        new(
            "generic",
            "Generic attention relevance (Chefer, Gur and Wolf, ICCV 2021), with the full gradient.",
            b => GenericAttention.Maps(b.Model, b.Input, b.Target)
        )
        {
            Heads = Heads.Both,
        },
        new("last-layer", "The last block's attention times its gradient.", b => LastLayer.Maps(b.Model, b.Pass, b.Target))
        {
            Heads = Heads.Both,
        },
        new(
            "legrad",
            "LeGrad (Bousselham et al. 2024), class-token form: the gradient of each block's own prediction.",
            b => LeGrad.Maps(b.Model, b.Pass, b.Target)
        ),
        new(
            "transformer-attribution",
            "Transformer attribution (Chefer, Gur and Wolf, CVPR 2021), the paper's second baseline. Its relevance propagation "
                + "(LRP) is claimed by patents for commercial use, so it runs only where it is named.",
            b => TransformerAttribution.Maps(b.Model, b.Input, b.Target)
        )
        {
            OnlyWhenNamed = true,
        },
        new(
            "random",
            "Control: random values on the grid.",
            b => [.. b.Keys.Select(key => Controls.Random(b.Model.Config.GridRows, b.Model.Config.GridColumns, key))]
        )
        {
            IsControl = true,
            Heads = Heads.Both,
        },
        new(
            "centre-box",
            "Control: a centred box; at threshold 0.5 it covers the middle half of each side.",
            b => [.. b.Keys.Select(_ => Controls.CentreBox(b.Model.Config.ImageHeight, b.Model.Config.ImageWidth))]
        )
        {
            IsControl = true,
            Heads = Heads.Both,
        },
    ];

    public string Name { get; }

    /// <summary>One sentence or two, for --help.</summary>
    public string Description { get; }

    /// <summary>Not among "all".</summary>
    public bool OnlyWhenNamed { get; private init; }

    /// <summary>Does not look at the picture.</summary>
    public bool IsControl { get; private init; }

    private Heads Heads { get; init; } = Heads.Token;

    /// <summary>Why the method says nothing of such a model, and what to name instead; null where it does.</summary>
    public string? Refusal(ViTConfig config)
    {
        var head = config.Pooling == HeadPooling.Token ? Heads.Token : Heads.Average;
        return Heads.HasFlag(head)
            ? null
            : $"{Name} does not explain {config.Architecture}, whose classifier reads "
                + (head == Heads.Token ? "the class token. " : "the mean of the patches, so that the class token's row has no gradient. ")
                + $"Take of {string.Join(", ", All.Where(method => method.Heads.HasFlag(head)).Select(method => method.Name))}.";
    }

    /// <summary>The refusal of the first method that says nothing of such a model; null where all do.</summary>
    public static string? Refusal(IEnumerable<AttributionMethod> methods, ViTConfig config) =>
        methods.Select(method => method.Refusal(config)).FirstOrDefault(why => why is not null);

    /// <summary>Why the paper's method does not explain such a model; null where it does.</summary>
    public static string? PapersRefusal(ViTConfig config) => All.Single(method => method.Name == Paper).Refusal(config);

    /// <summary>Methods by name, each once, in the order given; "all" stands for all that need not be named.</summary>
    /// <exception cref="ArgumentException">No method is called so; the message lists those there are.</exception>
    public static IReadOnlyList<AttributionMethod> Select(IEnumerable<string> names)
    {
        var selected = new List<AttributionMethod>();
        foreach (var name in names.Select(name => name.Trim().ToLowerInvariant()))
            if (name == "all")
                selected.AddRange(All.Where(method => !method.OnlyWhenNamed));
            else
                selected.Add(
                    All.FirstOrDefault(method => method.Name == name)
                        ?? throw new ArgumentException(
                            $"No attribution method is called \"{name}\". There are {string.Join(", ", All.Select(m => m.Name))}, and all."
                        )
                );
        return [.. selected.Distinct()];
    }

    /// <summary>Maps that somebody made, under a name of their own: to be measured beside the others.</summary>
    /// <param name="find">From an image's key to its raw map, of any size; null where there is none.</param>
    /// <exception cref="ArgumentException">The name is taken, or is none.</exception>
    public static AttributionMethod Given(string name, Func<string, Heatmap?> find)
    {
        if (
            string.IsNullOrWhiteSpace(name)
            || name == "all"
            || name.Contains(',', StringComparison.Ordinal)
            || All.Any(method => method.Name == name)
        )
            throw new ArgumentException(
                $"\"{name}\" cannot be the name of given heatmaps: take one that no method has, without commas.",
                nameof(name)
            );
        return new AttributionMethod(name, "Given heatmaps.", batch => [.. batch.Keys.Select(find)]) { IsGiven = true, Heads = Heads.Both };
    }

    /// <summary>Its maps come from files, so nothing changes with the class or the weights.</summary>
    public bool IsGiven { get; private init; }

    /// <summary>
    /// A raw map for each image, on the model's patch grid, at its input size or on a grid of its own; null where there is none.
    /// </summary>
    internal IReadOnlyList<Heatmap?> Maps(AttributionBatch batch)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return _maps(batch);
    }

    // [B, 1, rows, columns] -> [B, rows, columns]
    private static Tensor Plain(Tensor maps) => maps.squeeze(1);
}

/// <summary>What a method's model may read its classes from.</summary>
[Flags]
internal enum Heads
{
    Token = 1,
    Average = 2,
    Both = Token | Average,
}
