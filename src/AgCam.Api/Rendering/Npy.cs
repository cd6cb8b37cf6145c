using System.Buffers.Binary;
using System.Text;

namespace AgCam.Api.Rendering;

/// <summary>Writes NumPy array files, format version 1.0, for <c>np.load</c>.</summary>
internal static class Npy
{
    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0];

    /// <param name="type">NumPy's name of the element type, e.g. "&lt;f2".</param>
    /// <param name="shape">Length of each dimension.</param>
    /// <param name="data">Values, row-major, little-endian.</param>
    public static byte[] Write(string type, int[] shape, ReadOnlySpan<byte> data)
    {
        var header = $"{{'descr': '{type}', 'fortran_order': False, 'shape': {Tuple(shape)}, }}";
        var padded = (Magic.Length + 2 + header.Length + 1 + 63) / 64 * 64 - Magic.Length - 2; // the data begin at a multiple of 64
        var file = new byte[Magic.Length + 2 + padded + data.Length];
        Magic.CopyTo(file);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(Magic.Length), (ushort)padded);
        Encoding.ASCII.GetBytes(header.PadRight(padded - 1) + "\n", file.AsSpan(Magic.Length + 2));
        data.CopyTo(file.AsSpan(Magic.Length + 2 + padded));
        return file;
    }

    /// <summary>Returns the dimensions as Python writes a tuple: (768,) or (14, 14).</summary>
    private static string Tuple(int[] shape) => shape.Length == 1 ? $"({shape[0]},)" : $"({string.Join(", ", shape)})";
}
