using System.Globalization;

namespace AgCam.Heatmaps;

/// <summary>An opaque 8-bit sRGB colour.</summary>
public readonly record struct Rgb(byte R, byte G, byte B)
{
    public static readonly Rgb Black = new(0, 0, 0);
    public static readonly Rgb White = new(255, 255, 255);

    /// <param name="hex">Six hexadecimal digits, e.g. 00d0ff.</param>
    public static Rgb Parse(ReadOnlySpan<char> hex)
    {
        var number = int.Parse(hex, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        return new((byte)(number >> 16), (byte)(number >> 8), (byte)number);
    }

    /// <summary>Returns the mix of two colours: 0 is this one, 1 the other.</summary>
    public Rgb Towards(Rgb other, double amount) => new(Mix(R, other.R, amount), Mix(G, other.G, amount), Mix(B, other.B, amount));

    private static byte Mix(byte from, byte to, double amount) => (byte)Math.Round(from + (to - from) * Math.Clamp(amount, 0, 1));
}
