namespace AgCam.Images;

/// <summary>8-bit samples of one to four channels to RGB, as Pillow's <c>convert("RGB")</c> does it.</summary>
internal static class Channels
{
    /// <summary>One channel is grey, two are grey and alpha, three RGB, four RGB and alpha.</summary>
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
    /// Cyan, magenta, yellow and black, 255 being full ink, without a profile. (CMYK JPEGs store it inverted; libvips has turned that
    /// round.)
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

    /// <summary>a x b / 255, rounded, without dividing.</summary>
    private static int Scale(int a, int b)
    {
        int product = (a * b) + 128;
        return ((product >> 8) + product) >> 8;
    }
}
