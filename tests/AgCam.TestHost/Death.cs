using System.Diagnostics;
using System.Runtime.InteropServices;

namespace AgCam.TestHost;

/// <summary>Kills this process with SIGKILL when it passes a named point for the nth time: no handler runs, nothing is flushed.</summary>
internal sealed partial class Death(string point, int times)
{
    public const string BeforeCompute = "before-compute",
        AfterCompute = "after-compute",
        MidWrite = "mid-write",
        AfterWrite = "after-write",
        Draining = "draining",
        Planning = "planning",
        BeforeAudit = "before-audit",
        MidAudit = "mid-audit",
        AfterAudit = "after-audit",
        FatalDevice = "fatal-device";

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

    /// <summary>Writes to an invalid address, so that the process dies of SIGSEGV, as of a fault in a native library.</summary>
    public static void Segfault() => Set(sizeof(long), 0, 1);

    [LibraryImport("libc", EntryPoint = "memset")]
    private static partial nint Set(nint address, int value, nint count);
}
