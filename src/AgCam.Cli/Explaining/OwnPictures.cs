namespace AgCam.Cli.Explaining;

/// <summary>
/// Recognises pictures that agcam drew below --out. They are skipped in a folder or glob that contains --out; a file named directly is
/// explained.
/// </summary>
/// <param name="folder">The folder of --out; null without one.</param>
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
