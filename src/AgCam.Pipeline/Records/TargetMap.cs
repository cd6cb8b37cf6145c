using System.Buffers.Binary;

namespace AgCam.Pipeline.Records;

/// <summary>The raw map of one target class on the model's own grid, before any scaling.</summary>
public sealed record TargetMap
{
    /// <summary>As requested: "predicted", "top:5", "label:3", "predicted-vs-label:3".</summary>
    public required string Target { get; init; }

    /// <summary>The resolved class.</summary>
    public required int Class { get; init; }

    public required string Name { get; init; }

    /// <summary>The class contrasted with; null of a plain target.</summary>
    public int? Against { get; init; }

    public string? AgainstName { get; init; }

    public required int Rows { get; init; }

    public required int Columns { get; init; }

    /// <summary>float16, little-endian, row-major: 2 x Rows x Columns bytes.</summary>
    public required byte[] Map { get; init; }

    /// <summary>Of the values before they were rounded to float16.</summary>
    public required float Min { get; init; }

    public required float Max { get; init; }

    public required float Sum { get; init; }

    /// <exception cref="ArgumentException">The values are not Rows x Columns.</exception>
    public static TargetMap From(string target, int @class, string name, int rows, int columns, ReadOnlySpan<float> values)
    {
        if (values.Length != rows * columns || values.IsEmpty)
            throw new ArgumentException($"A map of {rows} x {columns} needs {rows * columns} values, not {values.Length}.", nameof(values));
        float min = float.PositiveInfinity,
            max = float.NegativeInfinity;
        double sum = 0;
        foreach (var value in values)
        {
            min = Math.Min(min, value);
            max = Math.Max(max, value);
            sum += value;
        }
        return new TargetMap
        {
            Target = target,
            Class = @class,
            Name = name,
            Rows = rows,
            Columns = columns,
            Map = HalfBytes.From(values),
            Min = min,
            Max = max,
            Sum = (float)sum,
        };
    }

    /// <returns>[Rows, Columns], row-major.</returns>
    public float[] Values() => HalfBytes.ToFloats(Map);
}

/// <summary>float16 values as little-endian bytes, whatever the machine.</summary>
public static class HalfBytes
{
    public static byte[] From(ReadOnlySpan<float> values)
    {
        var bytes = new byte[2 * values.Length];
        for (var i = 0; i < values.Length; i++)
            BinaryPrimitives.WriteHalfLittleEndian(bytes.AsSpan(2 * i), (Half)values[i]);
        return bytes;
    }

    public static float[] ToFloats(ReadOnlySpan<byte> bytes)
    {
        var values = new float[bytes.Length / 2];
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)BinaryPrimitives.ReadHalfLittleEndian(bytes[(2 * i)..]);
        return values;
    }
}
