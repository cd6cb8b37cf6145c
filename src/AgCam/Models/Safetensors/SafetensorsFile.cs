namespace AgCam.Models.Safetensors;

/// <summary>
/// A safetensors file, read by memory map: opening it costs its header, and a tensor's pages are read when they are touched. The whole
/// header is checked before any tensor is offered. Tensors are valid until the file is disposed.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    private readonly MappedFile _file;

    private SafetensorsFile(MappedFile file, SafetensorsHeader header)
    {
        _file = file;
        Tensors = header.Entries.ToDictionary(entry => entry.Name, entry => new SafetensorView(file, entry), StringComparer.Ordinal);
        Metadata = header.Metadata;
    }

    public string Path => _file.Path;

    /// <summary>Bytes in the file.</summary>
    public long Length => _file.Length;

    /// <summary>By name.</summary>
    public IReadOnlyDictionary<string, SafetensorView> Tensors { get; }

    /// <summary>The header's __metadata__, e.g. format: pt.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <exception cref="ModelException">model-not-found, model-unreadable or model-corrupt, with what is wrong.</exception>
    public static SafetensorsFile Open(string path)
    {
        var length = ModelFile.LengthOf(path);
        if (length < 8)
            throw SafetensorsHeader.Corrupt(path, $"it has {length} bytes, and its header alone needs more");
        var file = MappedFile.Open(path);
        try
        {
            var jsonLength = SafetensorsHeader.JsonLength(path, file.Slice(0, (int)Math.Min(8, file.Length)), file.Length);
            return new SafetensorsFile(file, SafetensorsHeader.Parse(path, file.Slice(8, jsonLength), file.Length));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void Dispose() => _file.Dispose();
}

/// <summary>One tensor of a safetensors file, in place.</summary>
public sealed class SafetensorView : WeightTensor
{
    private readonly MappedFile _file;
    private readonly long _start;

    internal SafetensorView(MappedFile file, SafetensorsEntry entry)
        : base(entry.DType, entry.Shape)
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
