using AgCam.Tests.Models;

namespace AgCam.Tests.Cli;

/// <summary>The libtorch that ships, as if a person had installed it elsewhere.</summary>
internal static class LinkedLibTorch
{
    /// <param name="version">What it says of itself.</param>
    /// <returns>A folder with lib/ and, one above, the version.</returns>
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
