using System.Runtime.InteropServices;

namespace AgCam.Images;

internal enum FileKind
{
    Regular,
    Folder,

    /// <summary>A pipe, socket or device.</summary>
    Other,
}

/// <summary>What a path leads to, links followed, learned without opening it.</summary>
internal readonly partial record struct FileStatus(FileKind Kind, FileIdentity Identity)
{
    /// <returns>False with the system's error number when there is nothing to be learned.</returns>
    public static bool TryGet(string path, out FileStatus status, out int error)
    {
        error = 0;
        if (!OperatingSystem.IsLinux())
        {
            status = new FileStatus(Directory.Exists(path) ? FileKind.Folder : FileKind.Regular, new FileIdentity(0, 0, 0, Path.GetFullPath(path)));
            return true;
        }
        if (Stat(CurrentFolder, path, 0, TypeAndInode, out var record) != 0)
        {
            error = Marshal.GetLastPInvokeError();
            status = default;
            return false;
        }
        var kind = (record.Mode & TypeMask) switch
        {
            RegularType => FileKind.Regular,
            FolderType => FileKind.Folder,
            _ => FileKind.Other,
        };
        status = new FileStatus(kind, new FileIdentity(record.DeviceMajor, record.DeviceMinor, record.Inode, null));
        return true;
    }

    // Numbers and layout are the same on every Linux architecture, which is why it is statx and not stat.
    private const int CurrentFolder = -100;
    private const uint TypeAndInode = 0x101;
    private const int TypeMask = 0xF000, RegularType = 0x8000, FolderType = 0x4000;

    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Record
    {
        [FieldOffset(28)]
        public ushort Mode;

        [FieldOffset(32)]
        public ulong Inode;

        [FieldOffset(136)]
        public uint DeviceMajor;

        [FieldOffset(140)]
        public uint DeviceMinor;
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Stat(int folder, string path, int flags, uint mask, out Record record);
}

/// <summary>The same for every path to the same file, links and all.</summary>
/// <param name="Path">Where there is nothing better.</param>
internal readonly record struct FileIdentity(uint DeviceMajor, uint DeviceMinor, ulong Inode, string? Path);
