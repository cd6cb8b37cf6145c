using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace AgCam.Images;

/// <summary>
/// An open file that strangers may have put there. Opening a pipe waits for a writer that may never come, so the kind of file is looked
/// up before it is opened, and it is opened without waiting in case it was exchanged in between.
/// </summary>
internal sealed partial class RegularFile : IDisposable
{
    private const char Replacement = '\uFFFD'; // what the runtime shows for bytes that are no UTF-8

    private readonly SafeFileHandle _file;
    private readonly string _path;

    private RegularFile(SafeFileHandle file, string path, FileStatus status) => (_file, _path, Status) = (file, path, status);

    /// <summary>As it was when it was opened.</summary>
    public FileStatus Status { get; }

    /// <summary>
    /// Whether the system opens files without following links: Linux since 5.6, where no filter of system calls forbids it.
    /// </summary>
    public static bool CanRefuseLinks { get; } = OperatingSystem.IsLinux() && KnowsOpenAt2();

    /// <summary>Links are followed.</summary>
    /// <exception cref="ImageException">The file is missing, no file or unreadable.</exception>
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
    /// Opens a file without following a link, be it the file or a folder in its path. Only where <see cref="CanRefuseLinks"/>.
    /// </summary>
    /// <returns>Null when it cannot be opened; without a failure when there is a link.</returns>
    public static RegularFile? TryOpenUnlinked(string path, out ImageException? failure) => TryOpen(path, followLinks: false, out failure);

    /// <summary>
    /// Opens a folder without following a link, for listing it through its handle. Only where <see cref="CanRefuseLinks"/>.
    /// </summary>
    /// <returns>Null when it cannot be opened, or is no folder.</returns>
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

    /// <summary>Reads the file from its beginning. Disposing the stream closes the file.</summary>
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
                        $"{_path} became shorter while it was read: {filled} of {Status.Bytes} bytes came."
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

    /// <summary>Whether it has the size and the time of writing that it had when it was opened.</summary>
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
            failure = new ImageException(ImageFailure.NotFound, "The path is empty or holds a zero character, which no file's name can.");
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
    /// A call with arguments of no size is invalid to a kernel that knows it; what else there is, older kernels and filters, says
    /// something else.
    /// </summary>
    private static bool KnowsOpenAt2() =>
        OpenAt2(OpenAt2Number, CurrentFolder, "/", default, 0) < 0 && Marshal.GetLastPInvokeError() == InvalidArgument;

    private static ImageException NotAFile(string path, FileKind kind) =>
        new(
            ImageFailure.NotAFile,
            kind == FileKind.Folder
                ? $"{path} is a folder, or one that cannot be listed."
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
            ? new(ImageFailure.Unreadable, $"{path} has a name that is not valid UTF-8, so it cannot be opened by it. Rename the file.")
            : new(ImageFailure.NotFound, $"{path} does not exist.");

    // Linux on x64 and arm64.
    private const int ReadOnly = 0x800 | 0x80000; // without waiting, and closed in child processes
    private const int NoSuchFile = 2,
        NotAFolder = 20,
        InvalidArgument = 22,
        NameTooLong = 36,
        LinkInPath = 40;
    private const int OpenAt2Number = 437,
        CurrentFolder = -100;
    private const ulong NoLinks = 0x04 | 0x02; // neither symbolic ones nor those of /proc

    [StructLayout(LayoutKind.Sequential)]
    private struct How
    {
        public ulong Flags,
            Mode,
            Resolve;
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    /// <summary>openat2, which C libraries have no function for, or have had one for a short time only.</summary>
    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint OpenAt2(nint number, nint folder, string path, in How how, nint size);
}
