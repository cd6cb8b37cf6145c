using AgCam.Images;
using Xunit;

namespace AgCam.Tests.Images;

public class HeaderTests
{
    public static TheoryData<string> Pictures => Picture.Data;

    [Theory]
    [MemberData(nameof(Pictures))]
    public void The_header_of_a_picture_passes_and_breaks_the_same_limits(string name)
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
    public void What_is_no_picture_does_not_pass()
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
