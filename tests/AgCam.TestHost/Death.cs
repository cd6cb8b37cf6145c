using System.Diagnostics;
using System.Runtime.InteropServices;

namespace AgCam.TestHost;

/// <summary>Kills this process with SIGKILL when a point has been passed so many times: no handler runs, nothing is flushed.</summary>
internal sealed partial class Death(string point, int times)
{
    public const string BeforeCompute = "before-compute",
        AfterCompute = "after-compute",
        MidWrite = "mid-write",
        AfterWrite = "after-write",
        Draining = "draining",
        Planning = "planning",
        LostDevice = "lost-device";

    private int _passed;

    public static Death? Parse(string? text) => text?.Split(':') is [var point, var times] ? new Death(point, int.Parse(times)) : null;

    public bool IsDue(string here) => here == point && Interlocked.Increment(ref _passed) >= times;

    public void Pass(string here)
    {
        if (IsDue(here))
            Now();
    }

    public static void Now()
    {
        Process.GetCurrentProcess().Kill();
        Thread.Sleep(Timeout.Infinite);
    }

    /// <summary>Dies as of a fault in a native library: it writes where no memory is, and the system sends SIGSEGV.</summary>
    public static void Segfault() => Set(sizeof(long), 0, 1);

    [LibraryImport("libc", EntryPoint = "memset")]
    private static partial nint Set(nint address, int value, nint count);
}
