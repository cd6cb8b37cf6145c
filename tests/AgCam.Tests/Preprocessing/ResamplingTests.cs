using AgCam.Images;
using AgCam.Preprocessing;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Tests.Preprocessing;

[Trait("Category", "numerical")]
public class ResamplingTests
{
    public static TheoryData<Interpolation> Interpolations => [.. Enum.GetValues<Interpolation>()];

    [Theory]
    [MemberData(nameof(Interpolations))]
    public void Resizing_to_the_same_size_changes_nothing(Interpolation interpolation)
    {
        var image = Some.Noise(31, 17);
        Assert.Equal(image.Pixels, Resampling.Resize(image, 31, 17, interpolation).Pixels);
    }

    [Property(MaxTest = 200)]
    public void One_colour_stays_one_colour(byte r, byte g, byte b, byte from, byte to, byte interpolation)
    {
        var image = Some.Colour(1 + from, 1 + (to / 3), r, g, b);
        var resized = Resampling.Resize(image, 1 + to, 1 + (from / 2), Kind(interpolation));
        Assert.All(resized.Pixels.Chunk(3), pixel => Assert.Equal([r, g, b], pixel));
    }

    [Property(MaxTest = 300)]
    public void Window_is_cut_out_of_the_whole(int seed, byte width, byte height, byte to, byte interpolation)
    {
        var random = new Random(seed);
        var image = Some.Noise(1 + width, 1 + height, seed);
        int resizedWidth = 1 + to,
            resizedHeight = 1 + random.Next(300);
        var whole = Resampling.Resize(image, resizedWidth, resizedHeight, Kind(interpolation));

        int x = random.Next(resizedWidth),
            y = random.Next(resizedHeight);
        var window = new PixelWindow(x, y, 1 + random.Next(resizedWidth - x), 1 + random.Next(resizedHeight - y));
        int stride = (window.Width * 3) + random.Next(5);
        var cut = new byte[stride * window.Height];
        Resampling.Resize(image, resizedWidth, resizedHeight, window, Kind(interpolation), cut, stride);

        for (int row = 0; row < window.Height; row++)
            Assert.Equal(
                whole.Pixels.AsSpan((((y + row) * resizedWidth) + x) * 3, window.Width * 3).ToArray(),
                cut.AsSpan(row * stride, window.Width * 3).ToArray()
            );
    }

    [Property(MaxTest = 200)]
    public void Vectorised_result_equals_the_scalar_one(int seed, byte width, byte to)
    {
        int from = 5 + width,
            wanted = 1 + to;
        byte[] row = Some.Noise(from, 1, seed).Pixels;
        foreach (var interpolation in (Interpolation[])[Interpolation.Bilinear, Interpolation.Bicubic, Interpolation.Lanczos])
        {
            var weights = ResamplingWeights.Compute(from, wanted, 0, wanted, ResamplingFilter.Of(interpolation));
            var across = new byte[wanted * 3];
            Resampling.AcrossRow(row, across, weights);
            for (int x = 0; x < wanted; x++)
            for (int channel = 0; channel < 3; channel++)
                Assert.Equal(Weighted(row, weights, x, 3, channel), across[(x * 3) + channel]);

            // The same numbers as a column of 37 equal bytes side by side.
            byte[] rows = [.. row.SelectMany(level => Enumerable.Repeat(level, 37))];
            var tall = ResamplingWeights.Compute(row.Length, wanted, 0, wanted, ResamplingFilter.Of(interpolation));
            var down = new byte[37];
            Resampling.DownColumns(rows, 37, tall.Start(0), tall.Weights(0), down);
            Assert.All(down, level => Assert.Equal(Weighted(row, tall, 0, 1, 0), level));
        }
    }

    [Theory]
    [MemberData(nameof(Interpolations))]
    public void Black_and_white_noise_never_leaves_the_range(Interpolation interpolation)
    {
        var image = Some.Noise(50, 40);
        for (int i = 0; i < image.Pixels.Length; i++)
            image.Pixels[i] = image.Pixels[i] < 128 ? (byte)0 : (byte)255;
        // Overshoot that wrapped round would turn a white neighbourhood black.
        var white = new RgbImage(8, 8, [.. Enumerable.Repeat((byte)255, 192)]);
        white.Pixels[96] = 0;
        Assert.True(Resampling.Resize(white, 23, 23, interpolation).Pixels.Average(level => (double)level) > 240);
        Assert.InRange(Resampling.Resize(image, 97, 13, interpolation).Pixels.Average(level => (double)level), 100, 155);
    }

    [Fact]
    public void Nearest_takes_the_pixel_under_the_centre() =>
        Assert.Equal([0, 0, 1, 1, 2, 2], Levels(Resampling.Resize(Ramp(3), 6, 1, Interpolation.Nearest)));

    [Fact]
    public void Bilinear_halving_averages_with_the_neighbours() =>
        // Weights 1 3 3 1 around each centre, cut off at the ends: (3 x 0 + 3 x 10 + 1 x 20) / 7 = 7.1, (10 + 60 + 90 + 40) / 8 = 25
        // and so on.
        Assert.Equal([7, 25, 45, 63], Levels(Resampling.Resize(Ramp(8, step: 10), 4, 1, Interpolation.Bilinear)));

    [Theory]
    [InlineData(1, 65_535)]
    [InlineData(65_535, 1)]
    public void Lines_of_one_pixel_are_resized(int width, int height)
    {
        var image = Some.Colour(width, height, 10, 20, 30);
        Assert.All(Resampling.Resize(image, 224, 224, Interpolation.Lanczos).Pixels.Chunk(3), pixel => Assert.Equal([10, 20, 30], pixel));
    }

    [Fact]
    public void Window_outside_the_picture_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            Resampling.Resize(Some.Noise(4, 4), 8, 8, new PixelWindow(5, 0, 4, 8), Interpolation.Bilinear, new byte[96], 12)
        );

    private static byte Weighted(byte[] levels, ResamplingWeights weights, int output, int stride, int offset)
    {
        long sum = 1L << (ResamplingWeights.FractionBits - 1);
        var taps = weights.Weights(output);
        for (int k = 0; k < taps.Length; k++)
            sum += (long)levels[((weights.Start(output) + k) * stride) + offset] * taps[k];
        return (byte)Math.Clamp(sum >> ResamplingWeights.FractionBits, 0, 255);
    }

    private static Interpolation Kind(byte number) => (Interpolation)(number % 4);

    private static RgbImage Ramp(int width, int step = 1) =>
        new(width, 1, [.. Enumerable.Range(0, width * 3).Select(i => (byte)(i / 3 * step))]);

    private static int[] Levels(RgbImage image) => [.. image.Pixels.Chunk(3).Select(pixel => (int)pixel[0])];
}
