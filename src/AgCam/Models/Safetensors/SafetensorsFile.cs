using System.IO.MemoryMappedFiles;

namespace AgCam.Models.Safetensors;

/// <summary>
/// A safetensors file, read by memory map: opening it costs its header, and a tensor's pages are read when they are touched. The whole
/// header is checked before any tensor is offered. Tensors are valid until the file is disposed.
/// </summary>
public sealed unsafe class SafetensorsFile : IDisposable
{
    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private byte* _start;

    private SafetensorsFile(string path, MemoryMappedFile map, MemoryMappedViewAccessor view, byte* start, long length)
    {
        (Path, _map, _view, Length) = (path, map, view, length);
        _start = start;
    }

    public string Path { get; }

    /// <summary>Bytes in the file.</summary>
    public long Length { get; }

    /// <summary>By name.</summary>
    public IReadOnlyDictionary<string, SafetensorView> Tensors { get; private set; } = new Dictionary<string, SafetensorView>();

    /// <summary>The header's __metadata__, e.g. format: pt.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; private set; } = new Dictionary<string, string>();

    /// <exception cref="ModelException">model-not-found, model-unreadable or model-corrupt, with what is wrong.</exception>
    public static SafetensorsFile Open(string path)
    {
        var length = ModelFile.LengthOf(path);
        if (length < 8)
            throw new ModelException(ModelFailure.Corrupt, $"{path} is not a valid safetensors file: it has {length} bytes. Download or export it again.");
        SafetensorsFile file;
        try
        {
            file = Map(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ModelException(ModelFailure.Unreadable, $"{path} cannot be read: {error.Message}", error);
        }

        try
        {
            file.ReadHeader();
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static SafetensorsFile Map(string path)
    {
        // The stream's own length is the one to check against: the file may have changed since it was looked at.
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        var map = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
        var view = map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        byte* pointer = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref pointer);
        return new SafetensorsFile(path, map, view, pointer + view.PointerOffset, stream.Length);
    }

    private void ReadHeader()
    {
        var jsonLength = SafetensorsHeader.JsonLength(Path, new ReadOnlySpan<byte>(_start, (int)Math.Min(8, Length)), Length);
        var header = SafetensorsHeader.Parse(Path, new ReadOnlySpan<byte>(_start + 8, jsonLength), Length);
        Tensors = header.Entries.ToDictionary(entry => entry.Name, entry => new SafetensorView(this, entry), StringComparer.Ordinal);
        Metadata = header.Metadata;
    }

    internal ReadOnlySpan<byte> Slice(long start, int length)
    {
        ObjectDisposedException.ThrowIf(_start is null, this);
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

/// <summary>One tensor of a safetensors file, in place.</summary>
public sealed class SafetensorView : WeightTensor
{
    private readonly SafetensorsFile _file;
    private readonly long _start;

    internal SafetensorView(SafetensorsFile file, SafetensorsEntry entry) : base(entry.DType, entry.Shape)
    {
        (_file, _start, Name) = (file, entry.Start, entry.Name);
    }

    public string Name { get; }

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Bytes
    {
        get
        {
            ThrowIfTooLarge(ByteLength);
            return _file.Slice(_start, (int)ByteLength);
        }
    }
}
