using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace AgCam.Images;

/// <summary>
/// Reads files that strangers have put there. Opening a pipe waits for a writer that may never come, so the kind of file is looked up before
/// it is opened, and it is opened without waiting in case it was exchanged in between.
/// </summary>
internal static partial class RegularFile
{
    private const char Replacement = '\uFFFD'; // what the runtime shows for bytes that are no UTF-8

    /// <exception cref="ImageException">The file is missing, no file, unreadable, empty or too large.</exception>
    public static byte[] Read(string path, ImageLimits limits)
    {
        if (path.Length == 0 || path.Contains('\0'))
            throw new ImageException(ImageFailure.NotFound, "The path is empty or holds a zero character, which no file's name can.");
        try
        {
            using var file = Open(path);
            return Read(file, path, limits);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            throw NotFound(path);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw new ImageException(ImageFailure.Unreadable, $"{path} cannot be read: {refused.Message}", refused);
        }
    }

    private static SafeFileHandle Open(string path)
    {
        if (!FileStatus.TryGet(path, out var status, out int error))
            throw Failure(path, error);
        if (status.Kind == FileKind.Folder)
            throw new ImageException(ImageFailure.NotAFile, $"{path} is a folder, or one that cannot be listed.");
        if (status.Kind == FileKind.Other)
            throw new ImageException(ImageFailure.NotAFile, $"{path} is a pipe, socket or device, not a file.");
        if (!OperatingSystem.IsLinux())
            return File.OpenHandle(path);
        int handle = Open(path, ReadOnly | NonBlocking | CloseOnExec);
        return handle >= 0 ? new SafeFileHandle(handle, ownsHandle: true) : throw Failure(path, Marshal.GetLastPInvokeError());
    }

    private static byte[] Read(SafeFileHandle file, string path, ImageLimits limits)
    {
        long length = RandomAccess.GetLength(file);
        if (length > limits.MaxBytes)
            throw ImageDecoder.TooManyBytes(length, limits);
        if (length == 0)
            throw new ImageException(ImageFailure.Empty, $"{path} has no bytes.");

        var bytes = GC.AllocateUninitializedArray<byte>((int)length);
        for (int filled = 0; filled < bytes.Length;)
        {
            int read = RandomAccess.Read(file, bytes.AsSpan(filled), filled);
            if (read == 0)
                throw new ImageException(ImageFailure.Unreadable, $"{path} became shorter while it was read: {filled} of {length} bytes came.");
            filled += read;
        }
        return bytes;
    }

    private static ImageException Failure(string path, int error) => error is NoSuchFile or NotAFolder or NameTooLong
        ? NotFound(path)
        : new(ImageFailure.Unreadable, $"{path} cannot be read: {Marshal.GetPInvokeErrorMessage(error)}.");

    private static ImageException NotFound(string path) => path.Contains(Replacement)
        ? new(ImageFailure.Unreadable, $"{path} has a name that is not valid UTF-8, so it cannot be opened by it. Rename the file.")
        : new(ImageFailure.NotFound, $"{path} does not exist.");

    private const int ReadOnly = 0, NonBlocking = 0x800, CloseOnExec = 0x80000; // Linux on x64 and arm64
    private const int NoSuchFile = 2, NotAFolder = 20, NameTooLong = 36;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);
}
