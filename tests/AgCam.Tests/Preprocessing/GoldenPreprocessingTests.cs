using AgCam.Images;
using AgCam.Preprocessing;
using Xunit;

namespace AgCam.Tests.Preprocessing;

[Trait("Category", "numerical")]
public class GoldenPreprocessingTests
{
    public static TheoryData<string> Names => [.. PreprocessGolden.Load.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Pictures_are_prepared_as_in_Pillow(string name)
    {
        string file = name.Split('|')[0];
        var image = ImageDecoder.Decode(File.ReadAllBytes(Fixture.Path("preprocess", file)), ImageLimits.Default);
        byte[] actual = new Preprocessor(OptionsOf(name.Split('|')[1])).Apply(image).Pixels;
        byte[] expected = PreprocessGolden.Load[name];

        Assert.Equal(expected.Length, actual.Length);
        if (!file.EndsWith(".jpg", StringComparison.Ordinal))
        {
            Assert.Equal(expected, actual);
            return;
        }
        var differences = expected.Zip(actual, (a, b) => Math.Abs(a - b)).ToArray();
        TestContext.Current.TestOutputHelper!.WriteLine($"mean {differences.Average():F5}, largest {differences.Max()}");
        Assert.True(differences.Average() <= 0.5, $"The mean difference is {differences.Average()} levels.");
        Assert.True(
            differences.Count(d => d <= 3) >= 0.999 * differences.Length,
            $"{differences.Count(d => d > 3)} values differ by more than 3 levels."
        );
    }

    private static PreprocessingOptions OptionsOf(string name) =>
        name switch
        {
            "squash_bilinear_224" => Some.Options(CropMode.Squash, 224, 0, Interpolation.Bilinear),
            "short248_bicubic_crop224" => Some.Options(CropMode.Center, 224, 248, Interpolation.Bicubic),
            "short256_bilinear_crop224" => Some.Options(CropMode.Center, 224, 256, Interpolation.Bilinear),
            _ => throw new ArgumentException($"The golden file knows a preprocessing that this test does not: {name}."),
        };
}
