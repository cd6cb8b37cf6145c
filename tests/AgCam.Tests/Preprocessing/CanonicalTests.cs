using AgCam.Preprocessing;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Tests.Preprocessing;

public class CanonicalTests
{
    [Property]
    public bool What_is_written_is_read_back(byte width, byte height, ushort resizeTo, byte mode, byte interpolation, bool down, int seed)
    {
        var random = new Random(seed);
        float[] Channels() => [random.NextSingle(), random.NextSingle() * 1e-6f, random.NextSingle() * 1e6f];
        var options = new PreprocessingOptions
        {
            InputWidth = width + 1,
            InputHeight = height + 1,
            ResizeHeight = resizeTo % 16385,
            ResizeWidth = resizeTo % 16384,
            CropMode = (CropMode)(mode % 3),
            Interpolation = (Interpolation)(interpolation % 4),
            CropRounding = down ? CropRounding.Down : CropRounding.HalfToEven,
            Mean = Channels(),
            Std = Channels(),
        };

        var read = PreprocessingOptions.Parse(options.Canonical());

        return read.Canonical() == options.Canonical()
            && read.Mean.SequenceEqual(options.Mean)
            && read.Std.SequenceEqual(options.Std)
            && read with { Mean = options.Mean, Std = options.Std } == options;
    }

    [Fact]
    public void Text_names_the_version_of_Pillow_that_is_followed() =>
        Assert.StartsWith(
            "preprocessing/2;pillow/13.0.0;224x224;Center;248x248;",
            Some.Options(CropMode.Center, 224, 248, Interpolation.Bicubic).Canonical()
        );

    [Theory]
    [InlineData("")]
    [InlineData("none")]
    [InlineData("preprocessing/1;224x224;Center;248;HalfToEven;Bicubic;mean=0,0,0;std=1,1,1")]
    [InlineData("preprocessing/3;pillow/13.0.0;224x224;Center;248x248;HalfToEven;Bicubic;mean=0,0,0;std=1,1,1")]
    [InlineData("preprocessing/2;pillow/12.0.0;224x224;Center;248x248;HalfToEven;Bicubic;mean=0,0,0;std=1,1,1")]
    [InlineData("preprocessing/2;pillow/13.0.0;224;Center;248x248;HalfToEven;Bicubic;mean=0,0,0;std=1,1,1")]
    [InlineData("preprocessing/2;pillow/13.0.0;224x224;Center;248;HalfToEven;Bicubic;mean=0,0,0;std=1,1,1")]
    public void Other_text_is_refused(string text) =>
        Assert.Contains(
            $"\"{text}\"",
            Assert.Throws<FormatException>(() => PreprocessingOptions.Parse(text)).Message,
            StringComparison.Ordinal
        );
}
