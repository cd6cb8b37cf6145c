namespace AgCam.Cli.Tests;

/// <summary>Links the shipped libtorch into another folder.</summary>
internal static class LinkedLibTorch
{
    /// <param name="version">Release in its version file.</param>
    /// <returns>Folder with lib/ and the version file.</returns>
    public static TemporaryFolder Of(string version)
    {
        var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["lib"]);
        foreach (var file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "libtorch")))
            File.CreateSymbolicLink(folder[$"lib/{Path.GetFileName(file)}"], file);
        File.WriteAllText(folder["version.py"], $"__version__ = '{version}'\n");
        return folder;
    }
}
