using System.Globalization;
using AgCam.Images;

namespace AgCam.Pipeline.References;

/// <summary>What tells a changed file without opening it: its size and when it was last written. Links are followed.</summary>
/// <param name="Written">UTC.</param>
internal readonly record struct FileStamp(long Bytes, DateTime Written)
{
    /// <summary>
    /// Two writes may share a time where clocks of file systems are coarse (two seconds at worst): a file that was written just now may
    /// change and keep its stamp.
    /// </summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);

    /// <returns>Null when there is no such file.</returns>
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

    /// <returns>Null for a folder, and for a time that is no date.</returns>
    public static FileStamp? Of(FileStatus status) =>
        status is { Kind: not FileKind.Folder, Written: { } written } ? new FileStamp(status.Bytes, written) : null;

    /// <summary>Whether a later write would show.</summary>
    public bool IsSettled(DateTimeOffset now) => now.UtcDateTime - Written > Settling;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Bytes}@{Written.Ticks}");
}
