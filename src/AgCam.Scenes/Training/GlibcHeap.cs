using System.Runtime.InteropServices;

namespace AgCam.Scenes.Training;

/// <summary>
/// Makes glibc keep freed memory. By default it returns large blocks to the system, and a training step allocates hundreds: on two cores
/// half of the time went into zeroing fresh pages.
/// </summary>
internal static partial class GlibcHeap
{
    private const int TrimThreshold = -1,
        TopPad = -2,
        MmapMax = -4;

    public static void KeepMemory()
    {
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            _ = mallopt(MmapMax, 0);
            _ = mallopt(TrimThreshold, int.MaxValue);
            _ = mallopt(TopPad, 256 << 20);
        }
        catch (Exception none) when (none is EntryPointNotFoundException or DllNotFoundException)
        {
            // Other C libraries, such as musl, have no such setting.
        }
    }

    [LibraryImport("libc")]
    private static partial int mallopt(int parameter, int value);
}
