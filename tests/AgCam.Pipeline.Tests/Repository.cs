namespace AgCam.Pipeline.Tests;

/// <summary>The checkout that the tests run in.</summary>
internal static class Repository
{
    /// <summary>A small model with random weights.</summary>
    public static string Model(string name) => Path.Combine(Find(), "tests", "AgCam.Tests", "Fixtures", "models", name);

    public static string Root => Find();

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "AgCamPipeline.sln")))
                return folder.FullName;
        throw new DirectoryNotFoundException(
            $"No folder above {AppContext.BaseDirectory} holds AgCamPipeline.sln: run the tests from a checkout."
        );
    }
}
