using AgCam.Images;
using AgCam.Pipeline.Records;

namespace AgCam.Worker.Engines;

/// <summary>
/// Computes cheap measures of a picture, on a luma thumbnail (Rec. 601) of at most 128 x 128 pixels. Each of its pixels is the mean of a
/// block, so the cost is bounded and pictures of any size compare.
/// </summary>
internal static class PictureMeasures
{
    private const int Side = 128;
    private const int HashColumns = 9,
        HashRows = 8;

    /// <summary>Returns the measures of a picture.</summary>
    public static PictureFacts Of(RgbImage picture)
    {
        var longest = Math.Max(picture.Width, picture.Height);
        var columns = longest <= Side ? picture.Width : Math.Max(1, (int)((long)picture.Width * Side / longest));
        var rows = longest <= Side ? picture.Height : Math.Max(1, (int)((long)picture.Height * Side / longest));
        var luma = Reduce(picture, columns, rows);
        return new PictureFacts(
            picture.Width,
            picture.Height,
            PerceptualHash(luma, columns, rows),
            Mean(luma),
            Blur(luma, columns, rows),
            Entropy(luma),
            Percentile(luma, 5),
            Percentile(luma, 99)
        );
    }

    /// <summary>Reduces a picture to a luma thumbnail.</summary>
    /// <returns>Luma, [rows, columns], 0 to 255.</returns>
    private static float[] Reduce(RgbImage picture, int columns, int rows)
    {
        var luma = new float[rows * columns];
        for (var row = 0; row < rows; row++)
        {
            var (top, bottom) = Span(row, rows, picture.Height);
            for (var column = 0; column < columns; column++)
            {
                var (left, right) = Span(column, columns, picture.Width);
                luma[(row * columns) + column] = MeanLuma(picture, left, right, top, bottom);
            }
        }
        return luma;
    }

    private static (int From, int To) Span(int index, int count, int length) =>
        ((int)((long)index * length / count), (int)((long)(index + 1) * length / count));

    private static float MeanLuma(RgbImage picture, int left, int right, int top, int bottom)
    {
        // Samples a large block at about 8 x 8 pixels.
        int stepX = Math.Max(1, (right - left) / 8),
            stepY = Math.Max(1, (bottom - top) / 8),
            count = 0;
        long sum = 0;
        for (var y = top; y < bottom; y += stepY)
        {
            var line = picture.Pixels.AsSpan(y * picture.Width * 3);
            for (var x = left; x < right; x += stepX, count++)
                sum += (299 * line[3 * x]) + (587 * line[(3 * x) + 1]) + (114 * line[(3 * x) + 2]);
        }
        return sum / (1000f * count);
    }

    /// <summary>Difference hash: for each of 8 rows of 9 cells, whether a cell is brighter than its right neighbour.</summary>
    private static long PerceptualHash(float[] luma, int columns, int rows)
    {
        Span<double> cells = stackalloc double[HashRows * HashColumns];
        for (var row = 0; row < HashRows; row++)
        for (var column = 0; column < HashColumns; column++)
            cells[(row * HashColumns) + column] = Cell(luma, columns, rows, column, row);
        ulong hash = 0;
        for (var row = 0; row < HashRows; row++)
        for (var column = 0; column < HashColumns - 1; column++)
            hash = (hash << 1) | (cells[(row * HashColumns) + column] > cells[(row * HashColumns) + column + 1] ? 1UL : 0UL);
        return unchecked((long)hash);
    }

    /// <summary>Returns the mean of a cell. The sum in double precision is exact, so a picture of one colour has equal cells.</summary>
    private static double Cell(float[] luma, int columns, int rows, int column, int row)
    {
        var (left, right) = Span(column, HashColumns, columns);
        var (top, bottom) = Span(row, HashRows, rows);
        (left, top) = (Math.Min(left, columns - 1), Math.Min(top, rows - 1));
        (right, bottom) = (Math.Max(right, left + 1), Math.Max(bottom, top + 1));
        var sum = 0.0;
        for (var y = top; y < bottom; y++)
        for (var x = left; x < right; x++)
            sum += luma[(y * columns) + x];
        return sum / ((right - left) * (bottom - top));
    }

    /// <returns>Mean luma in [0, 1].</returns>
    private static float Mean(float[] luma)
    {
        var sum = 0.0;
        foreach (var value in luma)
            sum += value;
        return (float)(sum / (255.0 * luma.Length));
    }

    /// <returns>Variance of the four-neighbour Laplacian over the inner pixels; 0 without inner pixels.</returns>
    private static float Blur(float[] luma, int columns, int rows)
    {
        double sum = 0,
            squares = 0;
        var count = 0;
        for (var y = 1; y < rows - 1; y++)
        for (var x = 1; x < columns - 1; x++, count++)
        {
            var at = (y * columns) + x;
            double value = luma[at - 1] + luma[at + 1] + luma[at - columns] + luma[at + columns] - (4 * luma[at]);
            sum += value;
            squares += value * value;
        }
        return count == 0 ? 0 : (float)Math.Max(0, (squares / count) - (sum / count * (sum / count)));
    }

    /// <returns>Entropy of the luma histogram in bits, 0 to 8.</returns>
    private static float Entropy(float[] luma)
    {
        Span<int> histogram = stackalloc int[256];
        foreach (var value in luma)
            histogram[Math.Clamp((int)(value + 0.5f), 0, 255)]++;
        var bits = 0.0;
        foreach (var count in histogram)
            if (count > 0)
                bits -= count / (double)luma.Length * Math.Log2(count / (double)luma.Length);
        return (float)Math.Max(0, bits);
    }

    /// <returns>The value below which <paramref name="percent"/> of the luma lies, by the nearest rank, in [0, 1].</returns>
    private static float Percentile(float[] luma, int percent)
    {
        Span<int> histogram = stackalloc int[256];
        foreach (var value in luma)
            histogram[Math.Clamp((int)(value + 0.5f), 0, 255)]++;
        var (rank, level) = (((luma.Length * percent) + 99) / 100, 0);
        for (var below = histogram[0]; below < rank; below += histogram[level])
            level++;
        return level / 255f;
    }
}
