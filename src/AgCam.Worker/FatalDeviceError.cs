using System.Runtime.InteropServices;

namespace AgCam.Worker;

/// <summary>
/// Ends the process after a CUDA error other than out of memory: no later result can be trusted and no call restores the device.
/// The supervisor starts another process, and the broker redelivers its messages.
/// </summary>
public static partial class FatalDeviceError
{
    /// <summary>EX_TEMPFAIL of sysexits.h: the supervisor may start the process again.</summary>
    public const int ExitCode = 75;

    /// <summary>Calls _exit, which runs no exit handlers: the driver's may never return.</summary>
    internal static void Exit(string reason)
    {
        Console.Error.WriteLine($"agcam: fatal device error, this process ends with exit code {ExitCode}: {reason}");
        Console.Error.Flush();
        ExitNow(ExitCode);
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void ExitNow(int code);
}
