using System.Runtime.InteropServices;

namespace AgCam.Worker;

/// <summary>
/// After a CUDA error other than a lack of memory nothing that the process computes can be trusted, and no call brings the device back.
/// The process ends; its supervisor starts
/// another, and the broker gives out again what it had in hand.
/// </summary>
public static partial class FatalDeviceError
{
    /// <summary>EX_TEMPFAIL of sysexits.h: start it again.</summary>
    public const int ExitCode = 75;

    /// <summary>At once and past all handlers: the driver's own may never return.</summary>
    internal static void Exit(string reason)
    {
        Console.Error.WriteLine($"agcam: the device is lost, this process ends with {ExitCode}: {reason}");
        Console.Error.Flush();
        ExitNow(ExitCode);
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void ExitNow(int code);
}
