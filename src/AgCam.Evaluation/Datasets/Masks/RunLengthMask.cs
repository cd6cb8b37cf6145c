using AgCam.Images;

namespace AgCam.Evaluation.Datasets.Masks;

/// <summary>COCO's run lengths: alternating background and object, column by column, for an image of the stated size.</summary>
internal sealed record RunLengthMask(int Height, int Width, IReadOnlyList<long> Runs) : ObjectMask
{
    /// <summary>
    /// Decodes COCO's compressed form: groups of five bits, lowest first, as characters from '0'. From the fourth run on, a value is the
    /// difference from the run two before.
    /// </summary>
    /// <exception cref="FormatException">The text has another form.</exception>
    public static IReadOnlyList<long> Decompress(string text)
    {
        var runs = new List<long>();
        var (value, shift) = (0L, 0);
        foreach (var character in text)
        {
            var bits = character - '0';
            if (bits is < 0 or > 63 || shift > 30)
                throw new FormatException("The run lengths are not in COCO's form.");
            value |= (long)(bits & 31) << shift;
            shift += 5;
            if ((bits & 32) != 0)
                continue;
            if ((bits & 16) != 0)
                value |= -1L << shift;
            runs.Add(runs.Count > 2 ? value + runs[^2] : value);
            (value, shift) = (0, 0);
        }

        return shift == 0 ? runs : throw new FormatException("The run lengths are truncated.");
    }

    internal override void Draw(MaskPixel[] pixels, int width, int height, ImageLimits limits, IFileReader files)
    {
        if ((Width, Height) != (width, height))
            throw new FormatException($"A mask of {Width} x {Height} does not fit an image of {width} x {height}.");
        if (Runs.Any(run => run < 0) || Runs.Sum() != pixels.LongLength)
            throw new FormatException($"The run lengths do not add up to {width} x {height} pixels.");
        var (at, inside) = (0L, false);
        foreach (var run in Runs)
        {
            for (var end = at + run; at < end; at++)
                if (inside)
                    pixels[(at % height * width) + (at / height)] = MaskPixel.Object;
            inside = !inside;
        }
    }
}
