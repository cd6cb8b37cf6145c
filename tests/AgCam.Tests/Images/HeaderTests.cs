using AgCam.Images;
using Xunit;

namespace AgCam.Tests.Images;

public class HeaderTests
{
    public static TheoryData<string> Pictures => Picture.Data;

    [Theory]
    [MemberData(nameof(Pictures))]
    public void Header_check_applies_the_same_limits(string name)
    {
        var (bytes, picture) = (Picture.Bytes(name), Picture.Expected(name));
        ImageDecoder.CheckHeader(bytes, ImageLimits.Default);

        var pixels = Assert.Throws<ImageException>(() =>
            ImageDecoder.CheckHeader(bytes, ImageLimits.Default with { MaxPixels = ((long)picture.Width * picture.Height) - 1 })
        );
        Assert.Equal(ImageFailure.TooManyPixels, pixels.Reason);
        var size = Assert.Throws<ImageException>(() =>
            ImageDecoder.CheckHeader(bytes, ImageLimits.Default with { MaxBytes = bytes.Length - 1 })
        );
        Assert.Equal(ImageFailure.TooManyBytes, size.Reason);
    }

    [Fact]
    public void Other_bytes_fail_the_header_check()
    {
        Assert.Equal(
            ImageFailure.Empty,
            Assert.Throws<ImageException>(() => ImageDecoder.CheckHeader(ReadOnlyMemory<byte>.Empty, ImageLimits.Default)).Reason
        );
        Assert.Equal(
            ImageFailure.UnsupportedFormat,
            Assert.Throws<ImageException>(() => ImageDecoder.CheckHeader("GIMP"u8.ToArray(), ImageLimits.Default)).Reason
        );
        Assert.Equal(
            ImageFailure.Corrupt,
            Assert
                .Throws<ImageException>(() =>
                    ImageDecoder.CheckHeader(new byte[] { 0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0 }, ImageLimits.Default)
                )
                .Reason
        );
    }
}
