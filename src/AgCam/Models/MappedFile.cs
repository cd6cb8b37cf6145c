using System.IO.MemoryMappedFiles;

namespace AgCam.Models;

/// <summary>
/// Maps a read-only file into memory; pages are read on first access. Truncating a mapped file ends the process, so writers must replace
/// files by renaming.
/// </summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private byte* _start;

    private MappedFile(string path, FileStream stream)
    {
        (Path, Length) = (path, stream.Length);
        _map = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
        _view = _map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        byte* pointer = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref pointer);
        _start = pointer + _view.PointerOffset;
    }

    public string Path { get; }

    /// <summary>Length in bytes.</summary>
    public long Length { get; }

    /// <param name="path">Path of a regular, non-empty file.</param>
    /// <exception cref="ModelException">model-unreadable.</exception>
    public static MappedFile Open(string path)
    {
        try
        {
            return new MappedFile(path, new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ModelException(ModelFailure.Unreadable, $"{path} cannot be read: {error.Message}", error);
        }
    }

    /// <summary>Returns bytes of the file, valid until the file is disposed.</summary>
    public ReadOnlySpan<byte> Slice(long start, int length)
    {
        ObjectDisposedException.ThrowIf(_start is null, this);
        if (start < 0 || length < 0 || start > Length - length)
            throw new ArgumentOutOfRangeException(
                nameof(start),
                $"Bytes {start} to {start + length} are outside {Path}, which has {Length} bytes."
            );
        return new ReadOnlySpan<byte>(_start + start, length);
    }

    public void Dispose()
    {
        if (_start is null)
            return;
        _start = null;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _map.Dispose();
    }
}
