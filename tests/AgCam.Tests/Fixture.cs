namespace AgCam.Tests;

/// <summary>
/// Golden files: from AGCAM_FIXTURES when it is set, so that other fixtures of the same form run through the same tests; else those in
/// the repository.
/// </summary>
internal static class Fixture
{
    public static string Root { get; } =
        Environment.GetEnvironmentVariable("AGCAM_FIXTURES") is { Length: > 0 } given
            ? System.IO.Path.GetFullPath(given)
            : System.IO.Path.Combine(RepositoryRoot(), "tests", "AgCam.Tests", "Fixtures");

    public static string Path(params string[] parts) => System.IO.Path.Combine([Root, .. parts]);

    public static string RepositoryRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "AgCamPipeline.sln")))
                return folder.FullName;
        throw new DirectoryNotFoundException(
            $"No folder above {AppContext.BaseDirectory} holds AgCamPipeline.sln: run the tests from a checkout."
        );
    }
}
