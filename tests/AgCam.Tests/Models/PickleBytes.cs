using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace AgCam.Tests.Models;

/// <summary>Writes pickles opcode by opcode, including ones that Python never writes.</summary>
internal sealed class PickleBytes
{
    private readonly MemoryStream _bytes = new();

    public PickleBytes() => Op(0x80, 2);

    public PickleBytes Op(params byte[] bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    public PickleBytes Op(char opcode) => Op((byte)opcode);

    public PickleBytes Repeat(int times, params byte[] bytes)
    {
        for (var i = 0; i < times; i++)
            _bytes.Write(bytes);
        return this;
    }

    public PickleBytes Text(string text)
    {
        Op('X');
        var bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        _bytes.Write(length);
        _bytes.Write(bytes);
        return this;
    }

    public PickleBytes Number(long value)
    {
        Op(0x8a, 8); // LONG1 of 8 bytes
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        _bytes.Write(bytes);
        return this;
    }

    public PickleBytes Global(string module, string name)
    {
        _bytes.Write(Encoding.UTF8.GetBytes($"c{module}\n{name}\n"));
        return this;
    }

    public PickleBytes Tuple(IEnumerable<long> values)
    {
        Op('(');
        foreach (var value in values)
            Number(value);
        return Op('t');
    }

    /// <summary>Writes a tensor as torch.save does.</summary>
    public PickleBytes Tensor(string key, long elements, long offset, long[] shape, long[] strides, string storage = "FloatStorage") =>
        Global("torch._utils", "_rebuild_tensor_v2")
            .Op('(')
            .Op('(')
            .Text("storage")
            .Global("torch", storage)
            .Text(key)
            .Text("cpu")
            .Number(elements)
            .Op('t')
            .Op('Q')
            .Number(offset)
            .Tuple(shape)
            .Tuple(strides)
            .Op(0x89)
            .Global("collections", "OrderedDict")
            .Op(')')
            .Op('R')
            .Op('t')
            .Op('R');

    /// <summary>Writes a state dict of one tensor.</summary>
    public static PickleBytes OneTensor(
        string key,
        long elements,
        long offset,
        long[] shape,
        long[] strides,
        string storage = "FloatStorage"
    ) => new PickleBytes().Op('}').Text("w").Tensor(key, elements, offset, shape, strides, storage).Op('s').Op('.');

    public byte[] ToArray() => _bytes.ToArray();

    /// <summary>Writes a zip archive as torch.save does.</summary>
    public static byte[] Zip(byte[] pickle, params (string Name, byte[] Bytes)[] entries) =>
        Zip(CompressionLevel.NoCompression, [("archive/data.pkl", pickle), .. entries]);

    public static byte[] Zip(CompressionLevel level, params (string Name, byte[] Bytes)[] entries)
    {
        using var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
            foreach (var (name, content) in entries)
            {
                using var stream = zip.CreateEntry(name, level).Open();
                stream.Write(content);
            }

        return bytes.ToArray();
    }
}
