namespace AgCam.Images;

/// <summary>Palette of up to 256 colours. An index beyond the stored palette gives that level of grey, as in Pillow.</summary>
internal sealed class Palette
{
    private readonly byte[] _rgb = new byte[256 * 3];

    private Palette()
    {
        for (int i = 0; i < _rgb.Length; i++)
            _rgb[i] = (byte)(i / 3);
    }

    public static Palette Greys { get; } = new();

    /// <param name="entries">Consecutive colours of <paramref name="size"/> bytes each.</param>
    /// <param name="blueFirst">When true, the order is blue, green, red.</param>
    public static Palette Of(ReadOnlySpan<byte> entries, int size = 3, bool blueFirst = false)
    {
        var palette = new Palette();
        for (int i = 0; i < Math.Min(256, entries.Length / size); i++)
        for (int channel = 0; channel < 3; channel++)
            palette._rgb[(i * 3) + channel] = entries[(i * size) + (blueFirst ? 2 - channel : channel)];
        return palette;
    }

    public ReadOnlySpan<byte> this[int index] => _rgb.AsSpan(index * 3, 3);
}
