using AgCam.Heatmaps;

namespace AgCam.Evaluation.Metrics;

/// <summary>Images with some pixels removed. Planes are [channels, rows, columns].</summary>
internal static class MaskedImage
{
    /// <exception cref="ArgumentException">The sizes differ, or the map is flat.</exception>
    public static void Check(float[] image, int channels, Heatmap map)
    {
        if (image.LongLength != (long)channels * map.Values.Length)
            throw new ArgumentException(
                $"A heatmap of {map.Rows} x {map.Columns} does not fit an image of {image.LongLength} values in {channels} "
                    + $"channels: upsample it to the model's input size.",
                nameof(map)
            );
        if (map.Reason is { } reason)
            throw new ArgumentException($"The heatmap gives no pixel order ({reason}). Skip the image and count it.", nameof(map));
    }

    /// <summary>Returns a copy with these pixels set to zero in all channels.</summary>
    public static float[] Without(float[] image, int channels, ReadOnlySpan<int> pixels)
    {
        var masked = (float[])image.Clone();
        Clear(masked, channels, pixels);
        return masked;
    }

    /// <summary>Sets these pixels to zero in all channels.</summary>
    public static void Clear(Span<float> image, int channels, ReadOnlySpan<int> pixels)
    {
        var size = image.Length / channels;
        for (var channel = 0; channel < channels; channel++)
        {
            var plane = image.Slice(channel * size, size);
            foreach (var pixel in pixels)
                plane[pixel] = 0;
        }
    }

    /// <summary>Returns a copy of the base image with these pixels of the other image in all channels.</summary>
    public static float[] With(float[] basis, float[] other, int channels, ReadOnlySpan<int> pixels)
    {
        var mixed = (float[])basis.Clone();
        var plane = basis.Length / channels;
        for (var channel = 0; channel < channels; channel++)
            foreach (var pixel in pixels)
                mixed[channel * plane + pixel] = other[channel * plane + pixel];
        return mixed;
    }

    /// <summary>Multiplies every channel by the map.</summary>
    public static float[] Times(float[] image, int channels, Heatmap map)
    {
        var masked = new float[image.Length];
        for (var i = 0; i < masked.Length; i++)
            masked[i] = image[i] * map.Values[i % map.Values.Length];
        return masked;
    }
}
