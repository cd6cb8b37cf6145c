using System.Buffers.Binary;
using System.Text;
using AgCam.Images;
using Xunit;

namespace AgCam.Tests.Images;

public class ImageDecoderTests
{
    public static TheoryData<string> Pictures => Picture.Data;

    [Theory]
    [MemberData(nameof(Pictures))]
    public void Decoded_picture_equals_that_of_Pillow(string name)
    {
        var expected = Picture.Expected(name);
        var actual = Picture.Decode(name);

        Assert.Equal((expected.Width, expected.Height), (actual.Width, actual.Height));
        if (!IsLossy(name))
            Assert.Equal(expected.Pixels, actual.Pixels);
        else
            Assert.True(LargestDifference(expected, actual) <= 3, $"Some value differs by {LargestDifference(expected, actual)} levels.");
    }

    [Theory]
    [MemberData(nameof(Pictures))]
    public void Truncated_picture_is_corrupt_unless_only_its_tail_is_missing(string name)
    {
        byte[] whole = Picture.Bytes(name);
        var picture = Picture.Decode(name);
        for (int length = 12; length < whole.Length; length += Math.Max(1, whole.Length / 97))
        {
            try
            {
                var truncated = ImageDecoder.Decode(whole.AsMemory(0, length), ImageLimits.Default);
                Assert.Equal(picture.Pixels, truncated.Pixels);
            }
            catch (ImageException failure)
            {
                Assert.True(
                    failure.Reason == ImageFailure.Corrupt || failure.Reason == ImageFailure.UnsupportedFormat,
                    $"{length}: {failure.Reason}: {failure.Message}"
                );
            }
        }
    }

    [Theory]
    [InlineData("rgb_444.jpg")]
    [InlineData("progressive.jpg")]
    public void JPEG_without_its_second_half_is_corrupt(string name)
    {
        byte[] whole = Picture.Bytes(name);
        Assert.Equal(ImageFailure.Corrupt, Reason(whole[..(whole.Length / 2)]));
        Assert.Equal(ImageFailure.Corrupt, Reason([.. whole[..(whole.Length * 3 / 4)], 0xFF, 0xD9]));
    }

    [Fact]
    public void Zero_bytes_are_reported_as_empty() => Assert.Equal(ImageFailure.Empty, Reason([]));

    [Fact]
    public void Bytes_over_the_limit_are_not_decoded()
    {
        byte[] png = Picture.Bytes("rgb8.png");
        var failure = Assert.Throws<ImageException>(() => ImageDecoder.Decode(png, new ImageLimits { MaxBytes = png.Length - 1 }));
        Assert.Equal(ImageFailure.TooManyBytes, failure.Reason);
        Assert.Contains("ImageLimits.MaxBytes", failure.Message, StringComparison.Ordinal);
        Assert.NotNull(ImageDecoder.Decode(png, new ImageLimits { MaxBytes = png.Length }));
    }

    [Theory]
    [InlineData("rgb8.png")]
    [InlineData("rgb_444.jpg")]
    [InlineData("lossy.webp")]
    [InlineData("still.gif")]
    [InlineData("rgb24.bmp")]
    [InlineData("RGB_raw.tif")]
    public void Pixels_over_the_limit_are_refused_from_the_header(string name)
    {
        var picture = Picture.Decode(name);
        long pixels = (long)picture.Width * picture.Height;
        byte[] bytes = Picture.Bytes(name);

        var tooMany = Assert.Throws<ImageException>(() => ImageDecoder.Decode(bytes, new ImageLimits { MaxPixels = pixels - 1 }));
        Assert.Equal(ImageFailure.TooManyPixels, tooMany.Reason);
        Assert.Contains("ImageLimits.MaxPixels", tooMany.Message, StringComparison.Ordinal);
        var tooLong = Assert.Throws<ImageException>(() => ImageDecoder.Decode(bytes, new ImageLimits { MaxSide = picture.Width - 1 }));
        Assert.Equal(ImageFailure.TooManyPixels, tooLong.Reason);
        Assert.DoesNotContain("MaxSide", tooLong.Message, StringComparison.Ordinal);
        Assert.Equal(picture.Pixels, ImageDecoder.Decode(bytes, new ImageLimits { MaxPixels = pixels, MaxSide = picture.Width }).Pixels);
    }

    [Fact]
    public void Header_of_a_hundred_thousand_pixels_a_side_is_refused_before_anything_is_allocated()
    {
        byte[] png = Picture.Bytes("rgb8.png");
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(16), 100_000);
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(20), 100_000);
        BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(29), System.IO.Hashing.Crc32.HashToUInt32(png.AsSpan(12, 17)));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(ImageFailure.TooManyPixels, Reason(png));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }

    [Theory]
    [InlineData("plain text")]
    [InlineData("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>")]
    [InlineData("%PDF-1.7")]
    [InlineData("\0\0\0\u0018ftypavif")]
    [InlineData("x")]
    public void Other_formats_are_unsupported_even_if_the_decoder_reads_them(string text) =>
        Assert.Equal(ImageFailure.UnsupportedFormat, Reason(Encoding.Latin1.GetBytes(text)));

    [Fact]
    public void Unknown_JFIF_version_is_accepted()
    {
        byte[] jpeg = Picture.Bytes("rgb_444.jpg");
        jpeg[11] = 9;
        Assert.Equal(Picture.Decode("rgb_444.jpg").Pixels, ImageDecoder.Decode(jpeg, ImageLimits.Default).Pixels);
        Assert.Equal(9, jpeg[11]); // the caller's bytes are as they were
    }

    [Theory]
    [InlineData(0xE1, "Exif\0\0")]
    [InlineData(0xE1, "Exif\0\0garbage!")]
    [InlineData(0xE1, "Exif\0\0II*\0\u00FF\u00FF\u00FF\u00FF")]
    [InlineData(0xE1, "http://ns.adobe.com/xap/1.0/\0<broken tiff:Orientation=\"")]
    [InlineData(0xE2, "ICC_PROFILE\0\u0001\u0001garbage")]
    [InlineData(0xE2, "ICC_PROFILE\0\u0005\u0002garbage")]
    [InlineData(0xED, "Photoshop 3.0\08BIM\u0004\u0004\0\0\u00FF\u00FF\u00FF\u00FF")]
    [InlineData(0xFE, "a comment")]
    public void Broken_metadata_is_ignored(byte marker, string body)
    {
        byte[] jpeg = Picture.Bytes("rgb_444.jpg");
        Assert.Equal(
            Picture.Decode("rgb_444.jpg").Pixels,
            ImageDecoder.Decode(WithSegment(jpeg, marker, body), ImageLimits.Default).Pixels
        );
    }

    [Theory]
    [InlineData("<rdf:Description tiff:Orientation=\"6\"/>")]
    [InlineData("<tiff:Orientation>6</tiff:Orientation>")]
    public void XMP_orientation_applies_without_EXIF(string xmp)
    {
        var plain = Picture.Decode("rgb_444.jpg");
        byte[] jpeg = WithSegment(Picture.Bytes("rgb_444.jpg"), 0xE1, "http://ns.adobe.com/xap/1.0/\0" + xmp);
        Assert.Equal(Orientation.Upright(plain, 6).Pixels, ImageDecoder.Decode(jpeg, ImageLimits.Default).Pixels);

        byte[] withExif = WithSegment(Picture.Bytes("exif_3.jpg"), 0xE1, "http://ns.adobe.com/xap/1.0/\0" + xmp);
        Assert.Equal(Picture.Decode("exif_3.jpg").Pixels, ImageDecoder.Decode(withExif, ImageLimits.Default).Pixels);
    }

    [Fact]
    public void Part_of_a_larger_buffer_is_decoded()
    {
        byte[] png = Picture.Bytes("rgb8.png");
        byte[] larger = [1, 2, 3, .. png, 4, 5];
        Assert.Equal(Picture.Decode("rgb8.png").Pixels, ImageDecoder.Decode(larger.AsMemory(3, png.Length), ImageLimits.Default).Pixels);
    }

    [Fact]
    public void Many_threads_decode_the_same_pictures()
    {
        var expected = Picture.Names.ToDictionary(name => name, name => Picture.Decode(name).Pixels);
        Parallel.For(
            0,
            400,
            i =>
            {
                string name = Picture.Names[i % Picture.Names.Length];
                Assert.Equal(expected[name], Picture.Decode(name).Pixels);
            }
        );
    }

    private static byte[] WithSegment(byte[] jpeg, byte marker, string body) =>
        [
            .. jpeg[..2],
            0xFF,
            marker,
            (byte)((body.Length + 2) >> 8),
            (byte)(body.Length + 2),
            .. Encoding.Latin1.GetBytes(body),
            .. jpeg[2..],
        ];

    private static bool IsLossy(string name) =>
        name.EndsWith(".jpg", StringComparison.Ordinal)
        || name is "lossy.webp" or "alpha_lossy.webp"
        || name.EndsWith("_jpeg.tif", StringComparison.Ordinal);

    private static int LargestDifference(RgbImage a, RgbImage b) => a.Pixels.Zip(b.Pixels, (x, y) => Math.Abs(x - y)).Max();

    private static string Reason(byte[] bytes) =>
        Assert.Throws<ImageException>(() => ImageDecoder.Decode(bytes, ImageLimits.Default)).Reason;
}
