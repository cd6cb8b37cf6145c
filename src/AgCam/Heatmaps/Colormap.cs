namespace AgCam.Heatmaps;

/// <summary>
/// Maps a value in [0, 1] to a colour. Sequential maps grow lighter with the value, so they also read in grey. "jet" is the rainbow of the
/// paper's figures and does not. "diverging" is for signed maps, with zero in its middle.
/// </summary>
/// <remarks>
/// Colours are interpolated linearly between 33 points of the published 256-colour tables, within 2 levels of those (cividis: 7).
/// Inferno and viridis: Nathaniel Smith and Stéfan van der Walt, CC0. Cividis: Nuñez, Anderson and Renslow 2018,
/// doi:10.1371/journal.pone.0199239. Turbo: Anton Mikhailov, Google, Apache-2.0. Jet is the usual piecewise-linear definition.
/// </remarks>
public sealed class Colormap
{
    private const int Count = 256;
    private readonly Rgb[] _colors;

    private Colormap(string name, string keyColors)
    {
        Name = name;
        var keys = Enumerable.Range(0, keyColors.Length / 6).Select(i => Rgb.Parse(keyColors.AsSpan(6 * i, 6))).ToArray();
        _colors = [.. Enumerable.Range(0, Count).Select(i => Between(keys, (double)i / (Count - 1)))];
    }

    public static Colormap Inferno { get; } =
        new(
            "inferno",
            "0000040403120b0724150b37210c4a2e0a5a3c09654a0c6b57106d63146e70196e7d1e6d89226a962766a32b61af315cbb3755c63e4dd14644db4f3be35932"
                + "eb6528f1711ef67f14f98d0afb9c06fcab0ffbba1ff9ca32f5d949f2e865f3f586fcffa4"
        );

    public static Colormap Turbo { get; } =
        new(
            "turbo",
            "30123b392a734040a14456c7466be3467ff64293ff37a7fa29bbec1dcdd818dcc31ee8b031f2994cf97e6bfd648aff4da3fd3cb8f735cced34dee037edd03a"
                + "f8c03afdae35fe982cfb8022f56817ec520fe04009d23105c02302ac1701950d017a0403"
        );

    public static Colormap Viridis { get; } =
        new(
            "viridis",
            "440154470d6048186a482374472d7b4536814240863f49893b528b375a8d33638d2f6a8e2c728e297a8e26818e23898e21908c1f988b1f9f8821a68528ae80"
                + "31b57b3ebc744cc26c5dc9636ece5882d34c96d83fabdc32c0df24d5e21aeae51afde725"
        );

    public static Colormap Cividis { get; } =
        new(
            "cividis",
            "00224e00285b002e6a0433711a386f273e6e32436d3b496c434e6c4b546c52596d5a5f6e61656f686a716f70737576767c7b788481798b8778938d789b9376"
                + "a39a75aba072b3a670bbad6cc3b469ccba64d4c15fddc958e6d051efd748f8df3cfee838"
        );

    public static Colormap Jet { get; } =
        new(
            "jet",
            "0000800000a00000c00000e00000ff0020ff0040ff0060ff0080ff00a0ff00c0ff00e0ff00ffff20ffdf40ffbf60ff9f80ff809fff60bfff40dfff20ffff00"
                + "ffe000ffc000ffa000ff8000ff6000ff4000ff2000ff0000e00000c00000a00000800000"
        );

    /// <summary>Dark blue for evidence against, near white for none, dark red for evidence in favour. Both ends are equally dark.</summary>
    public static Colormap Diverging { get; } = new("diverging", "0b2f6b1f5fae5b9bd5a9cdeaf4f4f4f2b9a3dd7a5fb5322d6e0a1c");

    public static IReadOnlyList<Colormap> All { get; } = [Inferno, Turbo, Viridis, Cividis, Jet, Diverging];

    public string Name { get; }

    /// <param name="value">Clamped to [0, 1]. NaN counts as 0.</param>
    public Rgb At(float value) => _colors[(int)(Math.Clamp(float.IsNaN(value) ? 0 : value, 0, 1) * (Count - 1) + 0.5f)];

    /// <exception cref="ArgumentException">The name is unknown; the message lists the known ones.</exception>
    public static Colormap ByName(string name) =>
        All.FirstOrDefault(map => map.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw new ArgumentException(
            $"Unknown colormap '{name}'. Use one of {string.Join(", ", All.Select(map => map.Name))}.",
            nameof(name)
        );

    public override string ToString() => Name;

    private static Rgb Between(Rgb[] keys, double position)
    {
        var exact = position * (keys.Length - 1);
        var first = Math.Min((int)exact, keys.Length - 2);
        return keys[first].Towards(keys[first + 1], exact - first);
    }
}
