using AgCam.Heatmaps;
using AgCam.Models;
using static TorchSharp.torch;

namespace AgCam.Attribution;

/// <summary>
/// Attribution method: computes where a model looked. Its name is the same in every command, request, message and record.
/// <see cref="AttributionRegistry"/> lists the methods.
/// </summary>
public sealed class AttributionMethod
{
    /// <summary>Name of the paper's method, the default.</summary>
    public const string Paper = "agcam";

    /// <summary>Name of the related method for heads that average the patches.</summary>
    public const string Pooled = "agcam-pooled";

    private readonly Func<AttributionBatch, (Tensor Positive, Tensor? Negative)>? _maps;
    private readonly Func<string, ViTConfig, Heatmap?>? _mapOfKey;

    /// <param name="maps">Computes a map for each image and target, [B, K, rows, columns]; if requested also the evidence against.</param>
    internal AttributionMethod(
        string name,
        int version,
        string description,
        Func<AttributionBatch, (Tensor Positive, Tensor? Negative)> maps
    ) => (Name, Version, Description, _maps) = (name, version, description, maps);

    /// <param name="maps">Computes a map for each image and target, [B, K, rows, columns].</param>
    internal AttributionMethod(string name, int version, string description, Func<AttributionBatch, Tensor> maps)
        : this(name, version, description, batch => (maps(batch), null)) { }

    /// <summary>Creates a method that only evaluations use. Its map depends on the image's key.</summary>
    internal AttributionMethod(string name, string description, Func<string, ViTConfig, Heatmap?> mapOfKey) =>
        (Name, Description, _mapOfKey, Heads) = (name, description, mapOfKey, Heads.Both);

    /// <summary>Methods that explain, the paper's first.</summary>
    public static IReadOnlyList<AttributionMethod> All => AttributionRegistry.All;

    /// <summary>Methods that an evaluation measures: those that explain, and the controls.</summary>
    public static IReadOnlyList<AttributionMethod> Measured => AttributionRegistry.Measured;

    /// <summary>The paper's method.</summary>
    public static AttributionMethod Default => AttributionRegistry.All[0];

    /// <summary>Names of the methods that explain, for error messages.</summary>
    public static string Names => string.Join(", ", All.Select(method => method.Name));

    public string Name { get; }

    /// <summary>
    /// Version of the algorithm, a part of every explanation's identity. Raise it when a change of the code changes numbers.
    /// </summary>
    public int Version { get; }

    /// <summary>Description in one or two sentences, for --help.</summary>
    public string Description { get; }

    /// <summary>Whether "all" excludes it.</summary>
    public bool OnlyWhenNamed { get; internal init; }

    /// <summary>Whether it is a control, whose map does not depend on the image.</summary>
    public bool IsControl { get; internal init; }

    /// <summary>Whether its maps come from files. They then change neither with the class nor with the weights.</summary>
    public bool IsGiven { get; private init; }

    /// <summary>Whether the plain forward pass suffices: no autograd and no N x N attention matrices.</summary>
    public bool IsClosedForm { get; internal init; } = true;

    /// <summary>Whether it explains one class against another (target A-vs-B).</summary>
    public bool Contrasts { get; internal init; } = true;

    /// <summary>Whether it can compute the evidence against a class.</summary>
    public bool HasNegative { get; internal init; }

    /// <summary>Whether it explains models whose classifier averages the patches.</summary>
    public bool ExplainsAverages => Heads.HasFlag(Heads.Average);

    internal Heads Heads { get; init; } = Heads.Token;

    /// <summary>Returns the parts of a model for which the method has no rule; null when it covers all.</summary>
    internal Func<ViTConfig, string?>? Uncovered { get; init; }

    /// <summary>Returns the method that explains under a name; null when there is none.</summary>
    public static AttributionMethod? Find(string name) => All.FirstOrDefault(method => method.Name == name);

    /// <summary>Returns whether the method explains a model. <see cref="Refusal(ViTConfig)"/> gives the reason when not.</summary>
    public bool Fits(ViTConfig config) => Heads.HasFlag(HeadOf(config)) && Uncovered?.Invoke(config) is null;

    /// <summary>Returns why the method does not explain a model, and which methods do; null when it does.</summary>
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

    /// <summary>Returns the refusal of the first method that does not explain a model; null when all do.</summary>
    public static string? Refusal(IEnumerable<AttributionMethod> methods, ViTConfig config) =>
        methods.Select(method => method.Refusal(config)).FirstOrDefault(refusal => refusal is not null);

    /// <summary>Returns methods and controls by name, each once, in the given order. "all" means all that need not be named.</summary>
    /// <exception cref="ArgumentException">A name is unknown. The message lists the known ones.</exception>
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
                            $"There is no attribution method \"{name}\". "
                                + $"Give {string.Join(", ", Measured.Select(m => m.Name))}, or all."
                        )
                );
        return [.. selected.Distinct()];
    }

    /// <summary>Creates a method from given maps, to measure them beside the others.</summary>
    /// <param name="find">Returns an image's raw map of any size, by its key; null when there is none.</param>
    /// <exception cref="ArgumentException">The name is invalid or already used.</exception>
    public static AttributionMethod Given(string name, Func<string, Heatmap?> find)
    {
        if (
            string.IsNullOrWhiteSpace(name)
            || name == "all"
            || name.Contains(',', StringComparison.Ordinal)
            || Measured.Any(method => method.Name == name)
        )
            throw new ArgumentException(
                $"\"{name}\" cannot name given heatmaps: give a name without commas that no method has.",
                nameof(name)
            );
        return new AttributionMethod(name, "Given heatmaps.", (key, _) => find(key)) { IsGiven = true };
    }

    /// <summary>Returns the name and version, as identity and provenance record them.</summary>
    public override string ToString() => $"{Name}/{Version}";

    /// <summary>Computes raw maps for each image and target, [B, K, rows, columns], float32.</summary>
    internal (Tensor Positive, Tensor? Negative) Attribute(AttributionBatch batch)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var maps = _maps ?? throw new InvalidOperationException($"{Name} is a control of evaluations and cannot explain.");
        var (positive, negative) = maps(batch);
        return (positive.to(float32).MoveToOuterDisposeScope(), negative?.to(float32).MoveToOuterDisposeScope());
    }

    /// <summary>
    /// Computes a raw map of one target for each image, on the model's patch grid, at its input size or on a grid of its own. Null when
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
        $"Methods that do: {string.Join(", ", All.Where(method => method.Fits(config)).Select(method => method.Name))}.";
}

/// <summary>Tokens that a model's classifier may read.</summary>
[Flags]
internal enum Heads
{
    Token = 1,
    Average = 2,
    Both = Token | Average,
}
