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

/// <summary>Status of a path, read without opening it, or of an open file.</summary>
/// <param name="Bytes">Size in bytes. For a path, only on Linux.</param>
/// <param name="Written">Time of the last write, UTC. Null when DateTime cannot hold it, and for a path on other systems than
/// Linux.</param>
internal readonly partial record struct FileStatus(FileKind Kind, FileIdentity Identity, long Bytes, DateTime? Written)
{
    /// <param name="followLinks">When false, the status of a link is the link's own. Links to parent folders are always followed.</param>
    /// <returns>False with the system's error number when there is no status.</returns>
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

    // The numbers and the layout of statx are the same on every Linux architecture; those of stat are not.
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

        /// <summary>Ticks of the runtime, rounded down. Nanoseconds count forward before 1970 too.</summary>
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

/// <summary>Identity of a file: equal for every path and link to it.</summary>
/// <param name="Path">Set where the system has no better identity.</param>
internal readonly record struct FileIdentity(uint DeviceMajor, uint DeviceMinor, ulong Inode, string? Path);
