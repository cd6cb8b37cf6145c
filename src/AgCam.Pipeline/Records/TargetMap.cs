using System.Buffers.Binary;
using System.Text.RegularExpressions;

namespace AgCam.Pipeline.Records;

/// <summary>Raw map of one class or contrast on the model's patch grid, before any scaling.</summary>
public sealed partial record TargetMap
{
    /// <summary>Number type of <see cref="Map"/>.</summary>
    public const string Dtype = "float16";

    /// <summary>Targets that asked for the map, in canonical form: "predicted", "top:5", "label:3", "predicted-vs-label:3".</summary>
    public required IReadOnlyList<string> Targets { get; init; }

    /// <summary>Index of the resolved class.</summary>
    public required int Class { get; init; }

    public required string Name { get; init; }

    /// <summary>Index of the class that is contrasted with. Null for a plain target.</summary>
    public int? Against { get; init; }

    public string? AgainstName { get; init; }

    public required int Rows { get; init; }

    public required int Columns { get; init; }

    /// <summary>float16, little-endian, row-major: 2 x Rows x Columns bytes.</summary>
    public required byte[] Map { get; init; }

    /// <summary>Minimum of the float32 values, before rounding to float16. <see cref="Max"/> and <see cref="Sum"/> likewise.</summary>
    public required float Min { get; init; }

    public required float Max { get; init; }

    public required float Sum { get; init; }

    /// <summary>Packs a map of [rows, columns] values and computes its minimum, maximum and sum.</summary>
    /// <exception cref="ArgumentException">The number of values is not rows x columns.</exception>
    public static TargetMap From(IReadOnlyList<string> targets, int @class, string name, int rows, int columns, ReadOnlySpan<float> values)
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
            Targets = targets,
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

    /// <summary>Returns whether the target asked for the map. "label" stands for "label:3" too.</summary>
    public bool Is(string target) =>
        Targets.Any(name =>
            string.Equals(name, target, StringComparison.OrdinalIgnoreCase)
            || string.Equals(LabelClass().Replace(name, "label"), target, StringComparison.OrdinalIgnoreCase)
        );

    /// <summary>Returns the map's values.</summary>
    /// <returns>[Rows, Columns], row-major.</returns>
    public float[] Values() => HalfBytes.ToFloats(Map);

    [GeneratedRegex(@"\blabel:\d+")]
    private static partial Regex LabelClass();
}

/// <summary>Converts values to little-endian float16 bytes and back.</summary>
public static class HalfBytes
{
    public static byte[] From(ReadOnlySpan<float> values)
    {
        var bytes = new byte[2 * values.Length];
        for (var i = 0; i < values.Length; i++)
            BinaryPrimitives.WriteHalfLittleEndian(bytes.AsSpan(2 * i), (Half)values[i]);
        return bytes;
    }

    public static byte[] From(ReadOnlySpan<Half> values)
    {
        var bytes = new byte[2 * values.Length];
        for (var i = 0; i < values.Length; i++)
            BinaryPrimitives.WriteHalfLittleEndian(bytes.AsSpan(2 * i), values[i]);
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
