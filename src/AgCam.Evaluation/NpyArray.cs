using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using AgCam.Evaluation.Datasets;
using AgCam.Heatmaps;

namespace AgCam.Evaluation;

/// <summary>Reads NumPy's .npy: little-endian floats of 2, 4 or 8 bytes, row-major.</summary>
internal static partial class NpyArray
{
    /// <param name="what">Names the array in errors.</param>
    public static Heatmap Read(ReadOnlySpan<byte> bytes, string what)
    {
        if (bytes.Length < 12 || bytes[0] != 0x93 || !bytes[1..].StartsWith("NUMPY"u8))
            throw Unreadable("it has no NUMPY signature");
        var (start, length) =
            bytes[6] == 1
                ? (10, BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..]))
                : (12, (long)BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]));
        if (length > bytes.Length - start)
            throw Unreadable("its header is truncated");
        var header = Encoding.Latin1.GetString(bytes.Slice(start, (int)length));
        var (type, shape) = (Type().Match(header).Groups[1].Value, Shape().Match(header));
        if (!shape.Success || header.Contains("'fortran_order': True", StringComparison.Ordinal))
            throw Unreadable("a row-major array with a shape is needed");
        long[] sides =
        [
            .. shape
                .Groups[1]
                .Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                .Select(side => long.TryParse(side, CultureInfo.InvariantCulture, out var parsed) ? parsed : -1),
        ];
        var data = bytes[(start + (int)length)..];
        var count = sides.Any(side => side is < 1 or > 1 << 14)
            ? -1
            : sides.Aggregate(1L, (product, side) => Math.Min(product * side, int.MaxValue));
        var size = type switch
        {
            "<f2" => 2,
            "<f4" => 4,
            "<f8" => 8,
            _ => throw Unreadable($"it holds {type}; <f2, <f4 or <f8 is needed"),
        };
        if (count < 1 || data.Length != count * size)
            throw Unreadable($"{data.Length} bytes do not fit its shape ({shape.Groups[1].Value})");
        return GivenHeatmaps.Map(
            sides,
            size switch
            {
                2 => Array.ConvertAll(MemoryMarshal.Cast<byte, Half>(data).ToArray(), value => (float)value),
                4 => MemoryMarshal.Cast<byte, float>(data).ToArray(),
                _ => Array.ConvertAll(MemoryMarshal.Cast<byte, double>(data).ToArray(), value => (float)value),
            },
            what
        );

        DatasetException Unreadable(string why) => new($"{what} is not a readable .npy array: {why}.");
    }

    [GeneratedRegex(@"'descr':\s*'([^']*)'")]
    private static partial Regex Type();

    [GeneratedRegex(@"'shape':\s*\(([0-9, ]*)\)")]
    private static partial Regex Shape();
}
