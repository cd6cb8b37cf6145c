using AgCam.Images;

namespace AgCam.Evaluation.Datasets.Masks;

/// <summary>
/// A mask in an image file of the image's size: grey levels (CUB: number of annotators who marked the bird) or colours that number the
/// objects (VOC).
/// </summary>
/// <param name="Path">Path of a PNG file.</param>
/// <param name="Objects">VOC's numbers of the objects, from 1. Null for grey levels, whose upper half is the object.</param>
internal sealed record PictureMask(string Path, IReadOnlyList<int>? Objects = null) : ObjectMask
{
    private const int Void = 255;

    internal override void Draw(MaskPixel[] pixels, int width, int height, ImageLimits limits, IFileReader files)
    {
        using var file = files.Open(Path);
        var picture = ImageDecoder.Decode(file.Read(limits), limits);
        if ((picture.Width, picture.Height) != (width, height))
            throw new FormatException($"{Path} is {picture.Width} x {picture.Height}, but the image is {width} x {height}.");
        var wanted = Objects?.Select(VocColour).ToHashSet();
        var open = VocColour(Void);
        for (var i = 0; i < pixels.Length; i++)
        {
            var colour = (picture.Pixels[3 * i], picture.Pixels[(3 * i) + 1], picture.Pixels[(3 * i) + 2]);
            if (wanted?.Contains(colour) ?? colour.Item1 > 127)
                pixels[i] = MaskPixel.Object;
            else if (wanted is not null && colour == open && pixels[i] == MaskPixel.Background)
                pixels[i] = MaskPixel.Void;
        }
    }

    /// <summary>VOC's palette: each group of three bits of the number sets a high bit of red, green and blue.</summary>
    internal static (byte Red, byte Green, byte Blue) VocColour(int number)
    {
        var (red, green, blue) = (0, 0, 0);
        for (var bit = 7; number > 0; bit--, number >>= 3)
        {
            red |= (number & 1) << bit;
            green |= (number >> 1 & 1) << bit;
            blue |= (number >> 2 & 1) << bit;
        }

        return ((byte)red, (byte)green, (byte)blue);
    }
}
