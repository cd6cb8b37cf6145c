namespace AgCam.Testing;

/// <summary>
/// Finds golden files: in AGCAM_FIXTURES when it is set, which tests other fixtures of the same form, otherwise in the repository.
/// </summary>
internal static class Fixture
{
    public static string Root { get; } =
        Environment.GetEnvironmentVariable("AGCAM_FIXTURES") is { Length: > 0 } given
            ? System.IO.Path.GetFullPath(given)
            : System.IO.Path.Combine(Repository.Root, "tests", "Shared", "Fixtures");

    public static string Path(params string[] parts) => System.IO.Path.Combine([Root, .. parts]);
}
