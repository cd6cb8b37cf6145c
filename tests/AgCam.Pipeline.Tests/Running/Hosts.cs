using AgCam.TestHost;

namespace AgCam.Pipeline.Tests.Running;

/// <summary>AgCam.TestHost as it was built beside these tests.</summary>
internal static class Hosts
{
    /// <summary>tests/AgCam.TestHost/bin/Release/net10.0, from this assembly's own folder of the same form.</summary>
    public static string Program { get; } = Find();

    public static HostProcess Start(params string[] arguments) => HostProcess.Start(Program, arguments);

    private static string Find()
    {
        var here = new DirectoryInfo(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        return Path.Combine(
            here.Parent!.Parent!.Parent!.Parent!.FullName,
            "AgCam.TestHost",
            "bin",
            here.Parent.Name,
            here.Name,
            "AgCam.TestHost.dll"
        );
    }
}
