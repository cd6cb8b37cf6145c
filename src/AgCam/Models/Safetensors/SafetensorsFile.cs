namespace AgCam.Models.Safetensors;

/// <summary>
/// Opens a safetensors file as a memory map. Opening reads and checks the whole header; a tensor's pages are read on first access. Tensors
/// are valid until the file is disposed.
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

    /// <summary>Length of the file in bytes.</summary>
    public long Length => _file.Length;

    /// <summary>Tensors by name.</summary>
    public IReadOnlyDictionary<string, SafetensorView> Tensors { get; }

    /// <summary>Header's __metadata__, e.g. format: pt.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <exception cref="ModelException">model-not-found, model-unreadable or model-corrupt.</exception>
    public static SafetensorsFile Open(string path)
    {
        var length = ModelFile.LengthOf(path);
        if (length < 8)
            throw SafetensorsHeader.Corrupt(path, $"it has {length} bytes, less than a header");
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

/// <summary>Tensor in a safetensors file.</summary>
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
