using System.Buffers;
using System.Runtime.Intrinsics;
using AgCam.Images;

namespace AgCam.Preprocessing;

/// <summary>A rectangle of whole pixels in a resized image.</summary>
public readonly record struct PixelWindow(long X, long Y, int Width, int Height);

/// <summary>
/// Resizes 8-bit RGB exactly as Pillow's <c>Image.resize</c>, with which most Vision Transformers were trained and are evaluated. A
/// horizontal and a vertical pass use 22-bit fixed point, with 8 bits between them.
/// </summary>
public static class Resampling
{
    private const int Half = 1 << (ResamplingWeights.FractionBits - 1);

    /// <exception cref="ArgumentOutOfRangeException">A side is below 1.</exception>
    public static RgbImage Resize(RgbImage image, int width, int height, Interpolation interpolation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        var pixels = new byte[checked(width * height * 3)];
        Resize(image, width, height, new PixelWindow(0, 0, width, height), interpolation, pixels, width * 3);
        return new RgbImage(width, height, pixels);
    }

    /// <summary>
    /// Computes one window of the image resized to <paramref name="width"/> x <paramref name="height"/>. The pixels equal those of a full
    /// resize and crop, but only the needed source pixels are read.
    /// </summary>
    /// <param name="window">A window inside the resized image.</param>
    /// <param name="destination">Receives the window, with rows <paramref name="stride"/> bytes apart.</param>
    public static void Resize(
        RgbImage image,
        long width,
        long height,
        PixelWindow window,
        Interpolation interpolation,
        Span<byte> destination,
        int stride
    )
    {
        if (
            window.X < 0
            || window.Y < 0
            || window.Width < 1
            || window.Height < 1
            || window.X + window.Width > width
            || window.Y + window.Height > height
        )
            throw new ArgumentOutOfRangeException(nameof(window), window, $"The window must be inside {width} x {height}.");

        if (width == image.Width && height == image.Height)
            Copy(image, window, destination, stride);
        else if (interpolation == Interpolation.Nearest)
            Pick(image, width, height, window, destination, stride);
        else
            Convolve(image, width, height, window, ResamplingFilter.Of(interpolation), destination, stride);
    }

    private static void Copy(RgbImage image, PixelWindow window, Span<byte> destination, int stride)
    {
        for (int y = 0; y < window.Height; y++)
            Row(image, (int)window.Y + y).Slice((int)window.X * 3, window.Width * 3).CopyTo(destination[(y * stride)..]);
    }

    private static void Pick(RgbImage image, long width, long height, PixelWindow window, Span<byte> destination, int stride)
    {
        int[] columns = Nearest(image.Width, width, window.X, window.Width);
        int[] rows = Nearest(image.Height, height, window.Y, window.Height);
        for (int y = 0; y < window.Height; y++)
        {
            var source = Row(image, rows[y]);
            var target = destination.Slice(y * stride, window.Width * 3);
            for (int x = 0; x < columns.Length; x++)
                source.Slice(columns[x] * 3, 3).CopyTo(target[(x * 3)..]);
        }
    }

    /// <summary>
    /// Returns the source pixel under each output pixel's centre. Positions are accumulated as in Pillow, because the rounding affects the
    /// result.
    /// </summary>
    private static int[] Nearest(int from, long to, long first, int count)
    {
        double step = (double)from / to;
        double position = step * 0.5;
        for (long i = 0; i < first; i++)
            position += step;
        var indices = new int[count];
        for (int i = 0; i < count; i++, position += step)
            indices[i] = Math.Min((int)position, from - 1);
        return indices;
    }

    private static void Convolve(
        RgbImage image,
        long width,
        long height,
        PixelWindow window,
        ResamplingFilter filter,
        Span<byte> destination,
        int stride
    )
    {
        int rowBytes = window.Width * 3;
        if (height == image.Height)
        {
            var columns = ResamplingWeights.Compute(image.Width, width, window.X, window.Width, filter);
            for (int y = 0; y < window.Height; y++)
                AcrossRow(RowToEnd(image, (int)window.Y + y), destination.Slice(y * stride, rowBytes), columns);
            return;
        }

        var rows = ResamplingWeights.Compute(image.Height, height, window.Y, window.Height, filter);
        if (width == image.Width)
        {
            for (int y = 0; y < window.Height; y++)
                DownColumns(
                    image.Pixels.AsSpan((int)window.X * 3),
                    image.Width * 3,
                    rows.Start(y),
                    rows.Weights(y),
                    destination.Slice(y * stride, rowBytes)
                );
            return;
        }

        var across = ResamplingWeights.Compute(image.Width, width, window.X, window.Width, filter);
        if (IsVerticalFirst(image, width, height))
            DownThenAcross(image, rows, across, destination, stride, window.Height, rowBytes);
        else
            AcrossThenDown(image, rows, across, destination, stride, window.Height, rowBytes);
    }

    /// <summary>
    /// Returns true when Pillow <see cref="PreprocessingOptions.PillowVersion"/> runs the vertical pass first: when the height loses more
    /// than twice the pixels of the width. The order changes about a fifth of the values by one level.
    /// </summary>
    private static bool IsVerticalFirst(RgbImage image, long width, long height) =>
        image.Height > height && image.Height - height > 2 * (image.Width - width);

    private static void AcrossThenDown(
        RgbImage image,
        ResamplingWeights rows,
        ResamplingWeights columns,
        Span<byte> destination,
        int stride,
        int height,
        int rowBytes
    )
    {
        var (top, bottom) = rows.Needed();
        byte[] narrow = ArrayPool<byte>.Shared.Rent((bottom - top) * rowBytes);
        for (int y = top; y < bottom; y++)
            AcrossRow(RowToEnd(image, y), narrow.AsSpan((y - top) * rowBytes, rowBytes), columns);
        for (int y = 0; y < height; y++)
            DownColumns(narrow, rowBytes, rows.Start(y) - top, rows.Weights(y), destination.Slice(y * stride, rowBytes));
        ArrayPool<byte>.Shared.Return(narrow);
    }

    private static void DownThenAcross(
        RgbImage image,
        ResamplingWeights rows,
        ResamplingWeights columns,
        Span<byte> destination,
        int stride,
        int height,
        int rowBytes
    )
    {
        // whole rows: the unneeded columns are cheap, and shifted starts would complicate the code
        int sourceBytes = image.Width * 3;
        byte[] flat = ArrayPool<byte>.Shared.Rent(sourceBytes);
        for (int y = 0; y < height; y++)
        {
            DownColumns(image.Pixels, sourceBytes, rows.Start(y), rows.Weights(y), flat.AsSpan(0, sourceBytes));
            AcrossRow(flat, destination.Slice(y * stride, rowBytes), columns);
        }
        ArrayPool<byte>.Shared.Return(flat);
    }

    /// <summary>
    /// Computes one row of the horizontal pass. <paramref name="source"/> extends to the image's end, so that four pixels can be read as 16
    /// bytes.
    /// </summary>
    internal static void AcrossRow(ReadOnlySpan<byte> source, Span<byte> target, ResamplingWeights columns)
    {
        for (int x = 0, at = 0; at < target.Length; x++, at += 3)
        {
            var weights = columns.Weights(x);
            var pixels = source[(columns.Start(x) * 3)..];
            int r = Half,
                g = Half,
                b = Half,
                k = 0;
            if (Vector256.IsHardwareAccelerated)
            {
                var sum = Vector256<int>.Zero; // [r g b _ r g b _] of even and odd pixels
                var order = Vector128.Create((byte)0, 1, 2, 255, 3, 4, 5, 255, 6, 7, 8, 255, 9, 10, 11, 255);
                for (; k + 4 <= weights.Length && (k * 3) + 16 <= pixels.Length; k += 4)
                {
                    var bytes = Vector128.Shuffle(Vector128.Create(pixels.Slice(k * 3, 16)), order);
                    var (low, high) = Vector256.Widen(Vector256.WidenLower(bytes.ToVector256Unsafe()).AsUInt16());
                    var four = Vector128.Create(weights.Slice(k, 4)).ToVector256Unsafe();
                    sum += low.AsInt32() * Vector256.Shuffle(four, Vector256.Create(0, 0, 0, 0, 1, 1, 1, 1));
                    sum += high.AsInt32() * Vector256.Shuffle(four, Vector256.Create(2, 2, 2, 2, 3, 3, 3, 3));
                }
                var both = sum.GetLower() + sum.GetUpper();
                r += both[0];
                g += both[1];
                b += both[2];
            }
            for (; k < weights.Length; k++)
            {
                int weight = weights[k];
                r += pixels[k * 3] * weight;
                g += pixels[(k * 3) + 1] * weight;
                b += pixels[(k * 3) + 2] * weight;
            }
            target[at] = Round(r);
            target[at + 1] = Round(g);
            target[at + 2] = Round(b);
        }
    }

    /// <summary>Computes one row of the vertical pass: a weighted sum of rows <paramref name="stride"/> bytes apart.</summary>
    internal static void DownColumns(ReadOnlySpan<byte> rows, int stride, int first, ReadOnlySpan<int> weights, Span<byte> target)
    {
        int x = 0;
        if (Vector256.IsHardwareAccelerated)
        {
            for (; x + 16 <= target.Length; x += 16)
            {
                var low = Vector256.Create(Half);
                var high = low;
                int at = (first * stride) + x;
                for (int k = 0; k < weights.Length; k++, at += stride)
                {
                    var wide = Vector256.WidenLower(Vector128.Create(rows.Slice(at, 16)).ToVector256Unsafe());
                    var (a, b) = Vector256.Widen(wide);
                    var weight = Vector256.Create(weights[k]);
                    low += a.AsInt32() * weight;
                    high += b.AsInt32() * weight;
                }
                Vector128.Narrow(Clip(low), Clip(high)).CopyTo(target[x..]);
            }
        }
        for (; x < target.Length; x++)
        {
            int sum = Half;
            for (int k = 0, at = (first * stride) + x; k < weights.Length; k++, at += stride)
                sum += rows[at] * weights[k];
            target[x] = Round(sum);
        }
    }

    private static Vector128<ushort> Clip(Vector256<int> sums)
    {
        var levels = Vector256.Min(Vector256.Max(sums >> ResamplingWeights.FractionBits, Vector256<int>.Zero), Vector256.Create(255));
        return Vector128.Narrow(levels.GetLower().AsUInt32(), levels.GetUpper().AsUInt32());
    }

    private static byte Round(int sum) => (byte)Math.Clamp(sum >> ResamplingWeights.FractionBits, 0, 255);

    private static ReadOnlySpan<byte> Row(RgbImage image, int y) => image.Pixels.AsSpan(y * image.Width * 3, image.Width * 3);

    private static ReadOnlySpan<byte> RowToEnd(RgbImage image, int y) => image.Pixels.AsSpan(y * image.Width * 3);
}
