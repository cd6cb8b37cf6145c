using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace AgCam.Images;

internal enum FileKind
{
    Regular,
    Folder,
    Link,

    /// <summary>A pipe, socket or device.</summary>
    Other,
}

/// <summary>What a path leads to, learned without opening it, or what a file is that is open.</summary>
/// <param name="Bytes">Of a path: only on Linux.</param>
/// <param name="Written">When it was last written, UTC. Null when no calendar has that time, and of a path elsewhere than on Linux.</param>
internal readonly partial record struct FileStatus(FileKind Kind, FileIdentity Identity, long Bytes, DateTime? Written)
{
    /// <param name="followLinks">Else a link is one. Links to folders on the way are followed in any case.</param>
    /// <returns>False with the system's error number when there is nothing to be learned.</returns>
    public static bool TryGet(string path, out FileStatus status, out int error, bool followLinks = true)
    {
        if (OperatingSystem.IsLinux())
            return Learned(Stat(CurrentFolder, path, followLinks ? 0 : NoFollow, Wanted, out var record), record, out status, out error);
        status = new FileStatus(
            Directory.Exists(path) ? FileKind.Folder : FileKind.Regular,
            new FileIdentity(0, 0, 0, Path.GetFullPath(path)),
            0,
            null
        );
        error = 0;
        return true;
    }

    /// <inheritdoc cref="TryGet(string, out FileStatus, out int, bool)"/>
    public static bool TryGet(SafeFileHandle file, out FileStatus status, out int error)
    {
        if (OperatingSystem.IsLinux())
            return Learned(Stat(file, "", EmptyPath, Wanted, out var record), record, out status, out error);
        status = new FileStatus(FileKind.Regular, default, RandomAccess.GetLength(file), File.GetLastWriteTimeUtc(file));
        error = 0;
        return true;
    }

    private static bool Learned(int result, in Record record, out FileStatus status, out int error)
    {
        error = result == 0 ? 0 : Marshal.GetLastPInvokeError();
        status = result == 0 ? record.Status : default;
        return result == 0;
    }

    // Numbers and layout are the same on every Linux architecture, which is why it is statx and not stat.
    private const int CurrentFolder = -100,
        NoFollow = 0x100,
        EmptyPath = 0x1000;
    private const uint Wanted = 0x1 | 0x40 | 0x100 | 0x200; // type, time of writing, inode, size
    private const int TypeMask = 0xF000,
        RegularType = 0x8000,
        FolderType = 0x4000,
        LinkType = 0xA000;

    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Record
    {
        [FieldOffset(28)]
        public ushort Mode;

        [FieldOffset(32)]
        public ulong Inode;

        [FieldOffset(40)]
        public long Bytes;

        [FieldOffset(112)]
        public long WrittenSeconds;

        [FieldOffset(120)]
        public uint WrittenNanoseconds;

        [FieldOffset(136)]
        public uint DeviceMajor;

        [FieldOffset(140)]
        public uint DeviceMinor;

        public readonly FileStatus Status => new(Kind, new FileIdentity(DeviceMajor, DeviceMinor, Inode, null), Bytes, Written);

        private readonly FileKind Kind =>
            (Mode & TypeMask) switch
            {
                RegularType => FileKind.Regular,
                FolderType => FileKind.Folder,
                LinkType => FileKind.Link,
                _ => FileKind.Other,
            };

        /// <summary>In the runtime's ticks, rounded down; nanoseconds count forward before 1970 too.</summary>
        private readonly DateTime? Written =>
            WrittenSeconds >= DateTimeOffset.MinValue.ToUnixTimeSeconds() && WrittenSeconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds()
                ? DateTime.UnixEpoch.AddTicks(
                    (WrittenSeconds * TimeSpan.TicksPerSecond) + (WrittenNanoseconds / TimeSpan.NanosecondsPerTick)
                )
                : null;
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Stat(int folder, string path, int flags, uint mask, out Record record);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Stat(SafeFileHandle file, string path, int flags, uint mask, out Record record);
}

/// <summary>The same for every path to the same file, links and all.</summary>
/// <param name="Path">Where there is nothing better.</param>
internal readonly record struct FileIdentity(uint DeviceMajor, uint DeviceMinor, ulong Inode, string? Path);
