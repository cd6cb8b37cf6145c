namespace AgCam.Images;

/// <summary>Converts 8-bit samples of one to four channels to RGB as Pillow's <c>convert("RGB")</c>.</summary>
internal static class Channels
{
    /// <summary>Converts by the number of channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.</summary>
    public static void ToRgb(ReadOnlySpan<byte> samples, int channels, Span<byte> rgb)
    {
        if (channels == 3)
        {
            samples.CopyTo(rgb);
            return;
        }
        bool grey = channels <= 2;
        for (int from = 0, at = 0; at < rgb.Length; from += channels, at += 3)
        {
            rgb[at] = samples[from];
            rgb[at + 1] = samples[grey ? from : from + 1];
            rgb[at + 2] = samples[grey ? from : from + 2];
        }
    }

    /// <summary>
    /// Converts cyan, magenta, yellow and black without a profile; 255 is full ink. CMYK JPEGs store inverted values, which libvips inverts
    /// back.
    /// </summary>
    public static void CmykToRgb(ReadOnlySpan<byte> samples, Span<byte> rgb)
    {
        for (int from = 0, at = 0; at < rgb.Length; from += 4, at += 3)
        {
            int light = 255 - samples[from + 3];
            for (int i = 0; i < 3; i++)
                rgb[at + i] = (byte)(light - Scale(samples[from + i], light));
        }
    }

    /// <summary>Returns a x b / 255, rounded, without a division.</summary>
    private static int Scale(int a, int b)
    {
        int product = (a * b) + 128;
        return ((product >> 8) + product) >> 8;
    }
}
