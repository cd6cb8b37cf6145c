using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using AgCam.Models;

namespace AgCam.Tables;

/// <summary>
/// Reads NumPy's .npy format: integers and floats of at most 8 bytes, little-endian, in C or Fortran order. Files are mapped, not loaded.
/// </summary>
internal sealed partial class NpyArray : IDisposable
{
    private const int MaxHeader = 1 << 16;

    private readonly IDisposable? _file;
    private readonly BytesAt _bytes;
    private readonly long _start; // of the elements
    private readonly bool _isFortran;
    private readonly ElementType _type;

    /// <summary>Returns <paramref name="length"/> bytes from <paramref name="start"/>.</summary>
    private delegate ReadOnlySpan<byte> BytesAt(long start, int length);

    private NpyArray(BytesAt bytes, long length, IDisposable? file)
    {
        (_bytes, _file) = (bytes, file);
        if (length < 12 || !bytes(1, 5).SequenceEqual("NUMPY"u8))
            throw new TableException(" is not a readable .npy array: it has no NUMPY signature.");
        var isVersion1 = bytes(6, 1)[0] == 1;
        var start = isVersion1 ? 10 : 12;
        var header = isVersion1
            ? BinaryPrimitives.ReadUInt16LittleEndian(bytes(8, 2))
            : BinaryPrimitives.ReadUInt32LittleEndian(bytes(8, 4));
        if (header > MaxHeader || header > length - start)
            throw new TableException(" is not a readable .npy array: its header is truncated.");
        var text = Encoding.Latin1.GetString(bytes(start, (int)header));
        _start = start + header;
        _type = ElementType.Of(DescrPattern().Match(text).Groups[1].Value);
        _isFortran = text.Contains("'fortran_order': True", StringComparison.Ordinal);
        Shape = Sides(text);
        var count = Shape.Aggregate(1L, (product, side) => side > 0 && product > long.MaxValue / side ? long.MaxValue : product * side);
        if (count > (length - _start) / _type.Size || count * _type.Size != length - _start)
            throw new TableException(
                $" is not a readable .npy array: {length - _start} bytes do not fit its shape ({string.Join(", ", Shape)})."
            );
    }

    public IReadOnlyList<long> Shape { get; }

    /// <summary>True when the elements are integers.</summary>
    public bool IsInteger => _type.IsInteger;

    /// <exception cref="TableException">The file cannot be read. The message continues the file's name.</exception>
    public static NpyArray Open(string path)
    {
        MappedFile file;
        try
        {
            file = MappedFile.Open(path);
        }
        catch (ModelException unreadable)
        {
            throw new TableException($" cannot be read: {unreadable.InnerException?.Message ?? unreadable.Message}", unreadable);
        }
        try
        {
            return new NpyArray(file.Slice, file.Length, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <exception cref="TableException">The bytes are not such an array. The message continues the array's name.</exception>
    public static NpyArray Read(byte[] bytes) => new((start, length) => bytes.AsSpan((int)start, length), bytes.Length, null);

    /// <summary>Reads one row of an array of two dimensions.</summary>
    /// <returns>[columns].</returns>
    public double[] Row(long row)
    {
        var (rows, columns) = (Shape[0], (int)Shape[1]);
        var values = new double[columns];
        if (_isFortran)
        {
            for (var column = 0; column < columns; column++)
                values[column] = this[(column * rows) + row];
            return values;
        }
        var bytes = _bytes(_start + (row * columns * _type.Size), columns * _type.Size);
        for (var column = 0; column < columns; column++)
            values[column] = _type.Value(bytes[(column * _type.Size)..]);
        return values;
    }

    /// <summary>Reads all elements in C order.</summary>
    public float[] ToFloat32()
    {
        var values = new float[Shape.Aggregate(1L, (product, side) => product * side)];
        for (var i = 0L; i < values.LongLength; i++)
            values[i] = (float)this[_isFortran ? FortranPlace(i) : i];
        return values;
    }

    /// <summary>Returns the place in Fortran order, first index fastest, of the element with the place in C order.</summary>
    private long FortranPlace(long place)
    {
        var (result, stride) = (0L, Shape.Aggregate(1L, (product, side) => product * side));
        for (var axis = Shape.Count - 1; axis >= 0; axis--)
        {
            stride /= Shape[axis];
            result += place % Shape[axis] * stride;
            place /= Shape[axis];
        }
        return result;
    }

    /// <summary>Reads an element by its place in the file.</summary>
    public double this[long place] => _type.Value(_bytes(_start + (place * _type.Size), _type.Size));

    public void Dispose() => _file?.Dispose();

    private static long[] Sides(string header)
    {
        var shape = ShapePattern().Match(header);
        var sides = shape.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return shape.Success && sides.All(side => int.TryParse(side, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            ? [.. sides.Select(side => long.Parse(side, CultureInfo.InvariantCulture))]
            : throw new TableException(" is not a readable .npy array: its header has no shape, or a side of more than 2^31 - 1.");
    }

    [GeneratedRegex(@"'descr':\s*'([^']*)'")]
    private static partial Regex DescrPattern();

    [GeneratedRegex(@"'shape':\s*\(([0-9, ]*)\)")]
    private static partial Regex ShapePattern();

    /// <summary>Reads one element from the start of a span.</summary>
    private delegate double ReadValue(ReadOnlySpan<byte> bytes);

    private sealed record ElementType(int Size, bool IsInteger, ReadValue Value)
    {
        private static readonly Dictionary<string, ElementType> All = new()
        {
            ["|i1"] = new(1, true, bytes => (sbyte)bytes[0]),
            ["|u1"] = new(1, true, bytes => bytes[0]),
            ["<i2"] = new(2, true, bytes => BinaryPrimitives.ReadInt16LittleEndian(bytes)),
            ["<u2"] = new(2, true, bytes => BinaryPrimitives.ReadUInt16LittleEndian(bytes)),
            ["<i4"] = new(4, true, bytes => BinaryPrimitives.ReadInt32LittleEndian(bytes)),
            ["<u4"] = new(4, true, bytes => BinaryPrimitives.ReadUInt32LittleEndian(bytes)),
            ["<i8"] = new(8, true, bytes => BinaryPrimitives.ReadInt64LittleEndian(bytes)),
            ["<u8"] = new(8, true, bytes => BinaryPrimitives.ReadUInt64LittleEndian(bytes)),
            ["<f2"] = new(2, false, bytes => (double)BinaryPrimitives.ReadHalfLittleEndian(bytes)),
            ["<f4"] = new(4, false, bytes => BinaryPrimitives.ReadSingleLittleEndian(bytes)),
            ["<f8"] = new(8, false, bytes => BinaryPrimitives.ReadDoubleLittleEndian(bytes)),
        };

        public static ElementType Of(string descr) =>
            All.GetValueOrDefault(descr)
            ?? throw new TableException(
                $" is not a readable .npy array: its elements are {descr}; integers and floats are needed ({string.Join(", ", All.Keys)})."
            );
    }
}
