using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace AgCam.Images;

/// <summary>
/// An open regular file from an untrusted location. Opening a pipe may block, so the kind is checked before opening. The open itself does
/// not block either, in case the file was replaced in between.
/// </summary>
internal sealed partial class RegularFile : IDisposable
{
    private const char Replacement = '\uFFFD'; // the runtime's replacement for bytes that are not UTF-8

    private readonly SafeFileHandle _file;
    private readonly string _path;

    private RegularFile(SafeFileHandle file, string path, FileStatus status) => (_file, _path, Status) = (file, path, status);

    /// <summary>Status when the file was opened.</summary>
    public FileStatus Status { get; }

    /// <summary>
    /// True when the system can open files without following links: Linux since 5.6, unless a system call filter forbids it.
    /// </summary>
    public static bool CanRefuseLinks { get; } = OperatingSystem.IsLinux() && KnowsOpenAt2();

    /// <summary>Opens a file and follows links.</summary>
    /// <exception cref="ImageException">The file is missing, not a file or unreadable.</exception>
    public static RegularFile Open(string path)
    {
        try
        {
            return TryOpen(path, followLinks: true, out var failure) ?? throw failure!;
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            throw NotFound(path);
        }
        catch (Exception refused) when (IsRefusal(refused))
        {
            throw Failure(path, refused);
        }
    }

    /// <summary>
    /// Opens a file without following links, neither of the file nor of its folders. Requires <see cref="CanRefuseLinks"/>.
    /// </summary>
    /// <returns>Null when the file cannot be opened. Without a failure when there is a link.</returns>
    public static RegularFile? TryOpenUnlinked(string path, out ImageException? failure) => TryOpen(path, followLinks: false, out failure);

    /// <summary>Opens a folder without following links, to list it by its handle. Requires <see cref="CanRefuseLinks"/>.</summary>
    /// <returns>Null when it cannot be opened or is not a folder.</returns>
    public static SafeFileHandle? TryOpenFolderUnlinked(string path)
    {
        if (!FileStatus.TryGet(path, out var status, out _, followLinks: false) || status.Kind != FileKind.Folder)
            return null;
        if (TryOpenHandle(path, followLinks: false, out _) is not { } folder)
            return null;
        if (FileStatus.TryGet(folder, out status, out _) && status.Kind == FileKind.Folder)
            return folder;
        folder.Dispose();
        return null;
    }

    /// <summary>Returns a stream from the beginning of the file. Disposing it closes the file.</summary>
    public Stream AsStream() => new SynchronousFileStream(_file);

    /// <exception cref="ImageException">The file is unreadable, empty or too large.</exception>
    public byte[] Read(ImageLimits limits)
    {
        if (Status.Bytes > limits.MaxBytes)
            throw ImageDecoder.TooManyBytes(Status.Bytes, limits);
        if (Status.Bytes == 0)
            throw new ImageException(ImageFailure.Empty, $"{_path} has no bytes.");
        try
        {
            var bytes = GC.AllocateUninitializedArray<byte>((int)Status.Bytes);
            for (int filled = 0; filled < bytes.Length; )
            {
                int read = RandomAccess.Read(_file, bytes.AsSpan(filled), filled);
                if (read == 0)
                    throw new ImageException(
                        ImageFailure.Unreadable,
                        $"{_path} became shorter while it was read: {filled} of {Status.Bytes} bytes were left."
                    );
                filled += read;
            }
            return bytes;
        }
        catch (Exception refused) when (IsRefusal(refused))
        {
            throw Failure(_path, refused);
        }
    }

    /// <summary>Returns true when size and time of writing are as when the file was opened.</summary>
    public bool IsUnchanged()
    {
        try
        {
            return FileStatus.TryGet(_file, out var now, out _) && now == Status;
        }
        catch (Exception refused) when (IsRefusal(refused))
        {
            return false;
        }
    }

    public void Dispose() => _file.Dispose();

    private static RegularFile? TryOpen(string path, bool followLinks, out ImageException? failure)
    {
        if (path.Length == 0 || path.Contains('\0'))
            failure = new ImageException(ImageFailure.NotFound, "The path is empty or holds a zero character, which no file name may.");
        else if (!FileStatus.TryGet(path, out var status, out int error, followLinks))
            failure = Failure(path, error);
        else if (status.Kind == FileKind.Link)
            failure = null;
        else if (status.Kind != FileKind.Regular)
            failure = NotAFile(path, status.Kind);
        else if (TryOpenHandle(path, followLinks, out failure) is { } file)
        {
            if (!FileStatus.TryGet(file, out status, out error))
                failure = Failure(path, error);
            else if (status.Kind != FileKind.Regular)
                failure = NotAFile(path, status.Kind);
            else
                return new RegularFile(file, path, status);
            file.Dispose();
        }
        return null;
    }

    private static SafeFileHandle? TryOpenHandle(string path, bool followLinks, out ImageException? failure)
    {
        failure = null;
        if (!OperatingSystem.IsLinux())
            return File.OpenHandle(path);
        int handle = followLinks ? Open(path, ReadOnly) : OpenUnlinked(path);
        if (handle >= 0)
            return new SafeFileHandle(handle, ownsHandle: true);
        int error = Marshal.GetLastPInvokeError();
        if (followLinks || error != LinkInPath)
            failure = Failure(path, error);
        return null;
    }

    private static int OpenUnlinked(string path) =>
        (int)OpenAt2(OpenAt2Number, CurrentFolder, path, new How { Flags = ReadOnly, Resolve = NoLinks }, Marshal.SizeOf<How>());

    /// <summary>
    /// Probes with arguments of size zero. A kernel with openat2 rejects them as invalid; older kernels and filters return another error.
    /// </summary>
    private static bool KnowsOpenAt2() =>
        OpenAt2(OpenAt2Number, CurrentFolder, "/", default, 0) < 0 && Marshal.GetLastPInvokeError() == InvalidArgument;

    private static ImageException NotAFile(string path, FileKind kind) =>
        new(
            ImageFailure.NotAFile,
            kind == FileKind.Folder
                ? $"{path} is a folder, not a file, or cannot be listed."
                : $"{path} is a pipe, socket or device, not a file."
        );

    private static bool IsRefusal(Exception e) =>
        e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException;

    private static ImageException Failure(string path, Exception refused) =>
        new(ImageFailure.Unreadable, $"{path} cannot be read: {refused.Message}", refused);

    private static ImageException Failure(string path, int error) =>
        error is NoSuchFile or NotAFolder or NameTooLong
            ? NotFound(path)
            : new(ImageFailure.Unreadable, $"{path} cannot be read: {Marshal.GetPInvokeErrorMessage(error)}.");

    private static ImageException NotFound(string path) =>
        path.Contains(Replacement)
            ? new(ImageFailure.Unreadable, $"{path} has a name that is not valid UTF-8 and cannot be opened. Rename the file.")
            : new(ImageFailure.NotFound, $"{path} does not exist.");

    // Linux on x64 and arm64.
    private const int ReadOnly = 0x800 | 0x80000; // non-blocking, and closed in child processes
    private const int NoSuchFile = 2,
        NotAFolder = 20,
        InvalidArgument = 22,
        NameTooLong = 36,
        LinkInPath = 40;
    private const int OpenAt2Number = 437,
        CurrentFolder = -100;
    private const ulong NoLinks = 0x04 | 0x02; // neither symbolic links nor those of /proc

    [StructLayout(LayoutKind.Sequential)]
    private struct How
    {
        public ulong Flags,
            Mode,
            Resolve;
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    /// <summary>Calls openat2 by its number, because most C libraries have no function for it.</summary>
    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint OpenAt2(nint number, nint folder, string path, in How how, nint size);
}
