using System.Numerics;
using AgCam.Images;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Worker.Tests.Engines;

public class PictureMeasuresTests
{
    [Theory]
    [InlineData(0, 0f)]
    [InlineData(255, 1f)]
    public void Picture_of_one_colour_has_that_brightness_in_every_percentile_and_neither_edges_nor_entropy(byte value, float luma)
    {
        var facts = PictureMeasures.Of(Picture(64, 48, (_, _) => value));
        Assert.Equal((64, 48), (facts.Width, facts.Height));
        Assert.Equal((luma, luma, luma), (facts.Brightness, facts.LumaP5, facts.LumaP99));
        Assert.Equal((0f, 0f), (facts.Blur, facts.Entropy));
    }

    [Theory]
    [InlineData(96, 96, 101, 163, 120)]
    [InlineData(97, 61, 217, 103, 199)]
    public void Hash_of_a_picture_of_one_colour_has_no_bit(int width, int height, byte red, byte green, byte blue)
    {
        byte[] colour = [red, green, blue];
        var pixels = Enumerable.Range(0, 3 * width * height).Select(i => colour[i % 3]).ToArray();
        Assert.Equal(0, PictureMeasures.Of(new RgbImage(width, height, pixels)).PerceptualHash);
    }

    [Fact]
    public void Percentiles_ignore_the_darkest_and_brightest_few_pixels()
    {
        // 100 x 100 pixels: 4 % black, 0.5 % white, the rest grey.
        var facts = PictureMeasures.Of(
            Picture(
                100,
                100,
                (x, y) =>
                    y < 4 ? (byte)0
                    : y == 50 && x < 50 ? (byte)255
                    : (byte)102
            )
        );
        Assert.Equal((0.4f, 0.4f), (facts.LumaP5, facts.LumaP99));
    }

    [Fact]
    public void Smoothed_picture_has_less_blur_variance()
    {
        var sharp = PictureMeasures.Of(Picture(96, 96, (x, y) => (byte)((x / 8 + y / 8) % 2 * 200)));
        var smooth = PictureMeasures.Of(Picture(96, 96, (x, y) => (byte)(100 + 100 * Math.Sin(x / 8.0) * Math.Sin(y / 8.0))));
        Assert.True(smooth.Blur < sharp.Blur / 10, $"{smooth.Blur} beside {sharp.Blur}");
    }

    [Fact]
    public void Hash_of_a_picture_at_another_size_differs_in_few_bits_and_that_of_its_mirror_image_in_many()
    {
        var hash = PictureMeasures.Of(Picture(96, 96, Waves)).PerceptualHash;
        var larger = PictureMeasures.Of(Picture(192, 192, (x, y) => Waves(x / 2, y / 2))).PerceptualHash;
        var mirrored = PictureMeasures.Of(Picture(96, 96, (x, y) => Waves(95 - x, y))).PerceptualHash;
        Assert.InRange(BitOperations.PopCount((ulong)(hash ^ larger)), 0, 4);
        Assert.InRange(BitOperations.PopCount((ulong)(hash ^ mirrored)), 16, 64);
    }

    private static byte Waves(int x, int y) =>
        (byte)(128 + 80 * Math.Sin(x * x / 900.0 + y / 9.0) + 40 * Math.Cos(x / 5.0 - y * y / 700.0));

    private static RgbImage Picture(int width, int height, Func<int, int, byte> value)
    {
        var pixels = new byte[3 * width * height];
        for (var y = 0; y < height; y++)
        for (var x = 0; x < width; x++)
            pixels.AsSpan(3 * (y * width + x), 3).Fill(value(x, y));
        return new RgbImage(width, height, pixels);
    }
}
