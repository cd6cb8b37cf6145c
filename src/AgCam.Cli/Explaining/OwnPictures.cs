namespace AgCam.Cli.Explaining;

/// <summary>
/// Pictures that agcam itself drew below --out. A folder or a glob may hold them when --out lies inside the input; they are then no
/// images to
/// explain. A file that is named by itself is taken for what it is.
/// </summary>
/// <param name="folder">--out, or null without one: nothing is agcam's own.</param>
internal sealed class OwnPictures(string? folder)
{
    private static readonly string[] Endings = [".overlay.png", ".strip.png"];

    private readonly string? _below = folder is null ? null : Path.GetFullPath(folder);

    public bool Has(string path) =>
        _below is not null
        && Endings.Any(ending => path.EndsWith(ending, StringComparison.Ordinal))
        && Path.GetRelativePath(_below, Path.GetFullPath(path)) is var inside
        && inside != ".."
        && !inside.StartsWith("../", StringComparison.Ordinal);
}
