using System.Globalization;
using AgCam.Images;

namespace AgCam.Pipeline.References;

/// <summary>Size and modification time of a file. They reveal a change without reading the file. Links are followed.</summary>
/// <param name="Written">Modification time, UTC.</param>
internal readonly record struct FileStamp(long Bytes, DateTime Written)
{
    /// <summary>
    /// Coarse file systems store times in steps of up to two seconds. A file written that recently may change again and keep its stamp.
    /// </summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);

    /// <summary>Returns the stamp of a file.</summary>
    /// <returns>Null when the file does not exist or is unreadable.</returns>
    public static FileStamp? Of(string path)
    {
        if (OperatingSystem.IsLinux())
            return !path.Contains('\0') && FileStatus.TryGet(path, out var status, out _) ? Of(status) : null;
        try
        {
            var file = new FileInfo(path);
            if (file.Exists && file.Attributes.HasFlag(FileAttributes.ReparsePoint))
                file = (FileInfo)file.ResolveLinkTarget(returnFinalTarget: true)!;
            return file.Exists ? new FileStamp(file.Length, file.LastWriteTimeUtc) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null; // the reader reports the reason
        }
    }

    /// <summary>Returns the stamp in a file status.</summary>
    /// <returns>Null for a folder, and for a time outside the range of dates.</returns>
    public static FileStamp? Of(FileStatus status) =>
        status is { Kind: not FileKind.Folder, Written: { } written } ? new FileStamp(status.Bytes, written) : null;

    /// <summary>Returns whether any later write would change the stamp.</summary>
    public bool IsSettled(DateTimeOffset now) => now.UtcDateTime - Written > Settling;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Bytes}@{Written.Ticks}");
}
