using AgCam.TestHost;

namespace AgCam.Worker.Tests.Running;

/// <summary>Starts processes of AgCam.TestHost.</summary>
internal static class Hosts
{
    /// <summary>Path of AgCam.TestHost, relative to this assembly's folder with the same configuration.</summary>
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
