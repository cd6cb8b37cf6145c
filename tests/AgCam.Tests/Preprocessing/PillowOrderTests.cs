using AgCam.Preprocessing;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Tests.Preprocessing;

/// <summary>Tests the order of the two passes, which changes about a fifth of the last bits. Digests are from pillow_golden.py.</summary>
public class PillowOrderTests
{
    [Theory]
    [InlineData(300, 400, 64, 64, Interpolation.Bilinear, "dd3db9bc0c81bf8c")]
    [InlineData(300, 400, 64, 64, Interpolation.Bicubic, "d490f77a94e20c8c")]
    [InlineData(300, 400, 64, 64, Interpolation.Lanczos, "6e81bb95ae65b7b3")]
    [InlineData(480, 640, 224, 224, Interpolation.Bilinear, "da41548d0fdfbd85")]
    [InlineData(480, 640, 224, 224, Interpolation.Bicubic, "3f8b86a01f97b88e")]
    [InlineData(480, 640, 224, 224, Interpolation.Lanczos, "ed9d67eb27507bce")]
    [InlineData(400, 300, 64, 64, Interpolation.Bilinear, "7fdde746b532ac7b")]
    [InlineData(400, 300, 64, 64, Interpolation.Bicubic, "cafd6e442d2eaeeb")]
    [InlineData(400, 300, 64, 64, Interpolation.Lanczos, "1df1dbc48ae2ba5a")]
    [InlineData(300, 900, 248, 744, Interpolation.Bilinear, "a5772f9c39d4886b")]
    [InlineData(300, 900, 248, 744, Interpolation.Bicubic, "6722337a9d71d9c9")]
    [InlineData(300, 900, 248, 744, Interpolation.Lanczos, "45c6cb4ed977029a")]
    [InlineData(400, 1000, 248, 620, Interpolation.Bilinear, "2d6a72374570fce0")]
    [InlineData(400, 1000, 248, 620, Interpolation.Bicubic, "a9968f957ff1bf6d")]
    [InlineData(400, 1000, 248, 620, Interpolation.Lanczos, "f55d2ae55e963df7")]
    [InlineData(640, 1500, 224, 525, Interpolation.Bilinear, "f3808dd32596b9ba")]
    [InlineData(640, 1500, 224, 525, Interpolation.Bicubic, "e96fe8b9a6e23267")]
    [InlineData(640, 1500, 224, 525, Interpolation.Lanczos, "82d49a20b83823f0")]
    [InlineData(500, 1000, 248, 496, Interpolation.Bilinear, "d3b9f8ac60edaaad")]
    [InlineData(500, 1000, 248, 496, Interpolation.Bicubic, "dd0ef63c50be8fe3")]
    [InlineData(500, 1000, 248, 496, Interpolation.Lanczos, "e244996b1d36cf36")]
    [InlineData(500, 1001, 248, 496, Interpolation.Bilinear, "94511b889f1e327b")]
    [InlineData(500, 1001, 248, 496, Interpolation.Bicubic, "e1d07ed518963bc7")]
    [InlineData(500, 1001, 248, 496, Interpolation.Lanczos, "6f0a24b12b29429d")]
    [InlineData(500, 1001, 249, 497, Interpolation.Bilinear, "57d0dec3d6a5e3d8")]
    [InlineData(500, 1001, 249, 497, Interpolation.Bicubic, "08403be5adb86dbf")]
    [InlineData(500, 1001, 249, 497, Interpolation.Lanczos, "46601d3be4da696e")]
    [InlineData(60, 50, 61, 40, Interpolation.Bilinear, "ed56e2cbd77f480e")]
    [InlineData(60, 50, 61, 40, Interpolation.Bicubic, "89f4f64b2c67d756")]
    [InlineData(60, 50, 61, 40, Interpolation.Lanczos, "1756b06154d37f52")]
    [InlineData(60, 50, 90, 49, Interpolation.Bilinear, "948eb7c52b805110")]
    [InlineData(60, 50, 90, 49, Interpolation.Bicubic, "8c536ebd984e70b0")]
    [InlineData(60, 50, 90, 49, Interpolation.Lanczos, "63d2e20853190db0")]
    [InlineData(50, 60, 70, 90, Interpolation.Bilinear, "808f02689c8722c2")]
    [InlineData(50, 60, 70, 90, Interpolation.Bicubic, "6c4e390ed7b563a6")]
    [InlineData(50, 60, 70, 90, Interpolation.Lanczos, "4a4c40333972aed4")]
    [InlineData(200, 900, 20, 541, Interpolation.Bilinear, "7229162478c821e1")]
    [InlineData(200, 900, 20, 541, Interpolation.Bicubic, "e3fdd478dd747666")]
    [InlineData(200, 900, 20, 541, Interpolation.Lanczos, "1f2d4cc306082199")]
    [InlineData(200, 900, 20, 539, Interpolation.Bilinear, "45781b4f69f08a5b")]
    [InlineData(200, 900, 20, 539, Interpolation.Bicubic, "ae2d88e8c2502da1")]
    [InlineData(200, 900, 20, 539, Interpolation.Lanczos, "c98a2acd1860f9c4")]
    public void Pictures_are_resized_as_in_Pillow(
        int width,
        int height,
        int toWidth,
        int toHeight,
        Interpolation interpolation,
        string digest
    )
    {
        var resized = Resampling.Resize(Some.RepeatableNoise(width, height), toWidth, toHeight, interpolation);
        Assert.Equal(digest, Digest.Of(resized.Pixels).ToString()[..digest.Length]);
    }

    [Property(MaxTest = 300)]
    public void Vertical_pass_comes_first_when_the_height_loses_more_than_twice_what_the_width_loses(int seed)
    {
        var random = new Random(seed);
        int width = random.Next(2, 150),
            height = random.Next(2, 300);
        int toWidth = random.Next(1, 150),
            toHeight = random.Next(1, 300);
        var image = Some.Noise(width, height, seed);
        var interpolation = (Interpolation)random.Next(1, 4);

        bool isVerticalFirst = height > toHeight && height - toHeight > 2 * (width - toWidth);
        var between = isVerticalFirst
            ? Resampling.Resize(image, width, toHeight, interpolation)
            : Resampling.Resize(image, toWidth, height, interpolation);
        Assert.Equal(
            Resampling.Resize(between, toWidth, toHeight, interpolation).Pixels,
            Resampling.Resize(image, toWidth, toHeight, interpolation).Pixels
        );
    }
}
