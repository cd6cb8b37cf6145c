using AgCam.Heatmaps;
using AgCam.Models;
using static TorchSharp.torch;

namespace AgCam.Attribution;

/// <summary>
/// A way to say where a model looked. Its name is the same in every command, request, message and record. <see cref="AttributionRegistry"/>
/// lists them.
/// </summary>
public sealed class AttributionMethod
{
    /// <summary>The name of the paper's method: the default, and what the others are compared with.</summary>
    public const string Paper = "agcam";

    /// <summary>The name of its relative for heads that average the patches.</summary>
    public const string Pooled = "agcam-pooled";

    private readonly Func<AttributionBatch, (Tensor Positive, Tensor? Negative)>? _maps;
    private readonly Func<string, ViTConfig, Heatmap?>? _mapOfKey;

    /// <param name="maps">Returns a map for each image and target, [B, K, rows, columns]; on request also the evidence against.</param>
    internal AttributionMethod(
        string name,
        int version,
        string description,
        Func<AttributionBatch, (Tensor Positive, Tensor? Negative)> maps
    ) => (Name, Version, Description, _maps) = (name, version, description, maps);

    /// <param name="maps">Returns a map for each image and target, [B, K, rows, columns].</param>
    internal AttributionMethod(string name, int version, string description, Func<AttributionBatch, Tensor> maps)
        : this(name, version, description, batch => (maps(batch), null)) { }

    /// <summary>Creates a method of an evaluation alone: its maps follow from an image's key.</summary>
    internal AttributionMethod(string name, string description, Func<string, ViTConfig, Heatmap?> mapOfKey) =>
        (Name, Description, _mapOfKey, Heads) = (name, description, mapOfKey, Heads.Both);

    /// <summary>Every method that explains, the paper's first.</summary>
    public static IReadOnlyList<AttributionMethod> All => AttributionRegistry.All;

    /// <summary>What an evaluation measures: every method that explains, and the controls.</summary>
    public static IReadOnlyList<AttributionMethod> Measured => AttributionRegistry.Measured;

    /// <summary>The paper's method.</summary>
    public static AttributionMethod Default => AttributionRegistry.All[0];

    /// <summary>The names of all methods that explain, for a message.</summary>
    public static string Names => string.Join(", ", All.Select(method => method.Name));

    public string Name { get; }

    /// <summary>Part of every explanation's identity: raised when a change of the method's code changes numbers.</summary>
    public int Version { get; }

    /// <summary>One sentence or two, for --help.</summary>
    public string Description { get; }

    /// <summary>Whether "all" leaves it out.</summary>
    public bool OnlyWhenNamed { get; internal init; }

    /// <summary>Whether it is a control, which does not look at the picture.</summary>
    public bool IsControl { get; internal init; }

    /// <summary>Whether its maps come from files, so that nothing changes with the class or the weights.</summary>
    public bool IsGiven { get; private init; }

    /// <summary>Whether it needs only what the plain forward pass keeps: no autograd, no N x N attention matrices.</summary>
    public bool IsClosedForm { get; internal init; } = true;

    /// <summary>Whether it explains one class against another, as the target A-vs-B asks.</summary>
    public bool Contrasts { get; internal init; } = true;

    /// <summary>Whether it can also map the evidence against a class.</summary>
    public bool HasNegative { get; internal init; }

    /// <summary>Whether it explains models whose classifier averages the patches.</summary>
    public bool ExplainsAverages => Heads.HasFlag(Heads.Average);

    internal Heads Heads { get; init; } = Heads.Token;

    /// <summary>The parts of a model for which the method has no rule; null where it has one for all.</summary>
    internal Func<ViTConfig, string?>? Uncovered { get; init; }

    /// <summary>Returns the method that explains under this name; null when there is none.</summary>
    public static AttributionMethod? Find(string name) => All.FirstOrDefault(method => method.Name == name);

    /// <summary>Whether the method explains such a model; <see cref="Refusal(ViTConfig)"/> says why not.</summary>
    public bool Fits(ViTConfig config) => Heads.HasFlag(HeadOf(config)) && Uncovered?.Invoke(config) is null;

    /// <summary>Why the method does not explain such a model, and what does; null where it does.</summary>
    public string? Refusal(ViTConfig config)
    {
        if (!Heads.HasFlag(HeadOf(config)))
            return $"{Name} does not explain {config.Architecture}, whose classifier reads "
                + (
                    config.Pooling == HeadPooling.Token
                        ? "the class token. "
                        : "the mean of the patches, so that the class token's row has no gradient. "
                )
                + Fitting(config);
        return Uncovered?.Invoke(config) is { } part ? $"{Name} does not explain {config.Architecture}: {part}. {Fitting(config)}" : null;
    }

    /// <summary>The refusal of the first method that does not explain such a model; null where all do.</summary>
    public static string? Refusal(IEnumerable<AttributionMethod> methods, ViTConfig config) =>
        methods.Select(method => method.Refusal(config)).FirstOrDefault(why => why is not null);

    /// <summary>Methods and controls by name, each once, in the order given; "all" stands for all that need not be named.</summary>
    /// <exception cref="ArgumentException">No method is called so; the message lists those there are.</exception>
    public static IReadOnlyList<AttributionMethod> Select(IEnumerable<string> names)
    {
        var selected = new List<AttributionMethod>();
        foreach (var name in names.Select(name => name.Trim().ToLowerInvariant()))
            if (name == "all")
                selected.AddRange(Measured.Where(method => !method.OnlyWhenNamed));
            else
                selected.Add(
                    Measured.FirstOrDefault(method => method.Name == name)
                        ?? throw new ArgumentException(
                            $"No attribution method is called \"{name}\". "
                                + $"There are {string.Join(", ", Measured.Select(m => m.Name))}, and all."
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
            || Measured.Any(method => method.Name == name)
        )
            throw new ArgumentException(
                $"\"{name}\" cannot be the name of given heatmaps: take one that no method has, without commas.",
                nameof(name)
            );
        return new AttributionMethod(name, "Given heatmaps.", (key, _) => find(key)) { IsGiven = true };
    }

    /// <summary>Returns the name and version, as identity and provenance record them.</summary>
    public override string ToString() => $"{Name}/{Version}";

    /// <summary>Returns raw maps for each image and target, [B, K, rows, columns], float32.</summary>
    internal (Tensor Positive, Tensor? Negative) Attribute(AttributionBatch batch)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var maps = _maps ?? throw new InvalidOperationException($"{Name} is measured by evaluations and explains nothing.");
        var (positive, negative) = maps(batch);
        return (positive.to(float32).MoveToOuterDisposeScope(), negative?.to(float32).MoveToOuterDisposeScope());
    }

    /// <summary>
    /// Returns a raw map of one target for each image, on the model's patch grid, at its input size or on a grid of its own; null where
    /// there is none.
    /// </summary>
    internal IReadOnlyList<Heatmap?> Maps(AttributionBatch batch)
    {
        if (_mapOfKey is not null)
            return [.. batch.Keys.Select(key => _mapOfKey(key, batch.Model.Config))];
        using var scope = NewDisposeScope();
        return AttributionBatch.Heatmaps(Attribute(batch).Positive.squeeze(1));
    }

    private static Heads HeadOf(ViTConfig config) => config.Pooling == HeadPooling.Token ? Heads.Token : Heads.Average;

    private static string Fitting(ViTConfig config) =>
        $"Take of {string.Join(", ", All.Where(method => method.Fits(config)).Select(method => method.Name))}.";
}

/// <summary>What a method's model may read its classes from.</summary>
[Flags]
internal enum Heads
{
    Token = 1,
    Average = 2,
    Both = Token | Average,
}
