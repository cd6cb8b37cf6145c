using System.Buffers.Binary;

namespace AgCam.Images;

/// <summary>The segments before a JPEG's first scan.</summary>
internal static class JpegMarkers
{
    private const byte App14 = 0xEE;
    private const byte StartOfScan = 0xDA;

    public static bool HasAdobe(ReadOnlySpan<byte> file)
    {
        int at = 2; // after the start of image
        while (at + 4 <= file.Length)
        {
            if (file[at] != 0xFF)
            {
                at++; // the decoder skips stray bytes before a marker too
                continue;
            }
            byte marker = file[at + 1];
            if (marker is 0xFF)
            {
                at++; // fill byte
                continue;
            }
            if (marker is 0 or 1 or (>= 0xD0 and <= 0xD8))
            {
                at += 2; // a marker without a body
                continue;
            }
            if (marker == StartOfScan)
                return false;
            int length = BinaryPrimitives.ReadUInt16BigEndian(file[(at + 2)..]);
            var body = file[Math.Min(at + 4, file.Length)..];
            if (marker == App14 && length >= 14 && body.StartsWith("Adobe"u8))
                return true;
            at += 2 + Math.Max(2, length);
        }
        return false;
    }
}
