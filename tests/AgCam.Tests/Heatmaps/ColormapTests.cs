using AgCam.Heatmaps;
using Xunit;

namespace AgCam.Tests.Heatmaps;

public class ColormapTests
{
    [Theory]
    [InlineData("inferno", "000004", "fcffa4")]
    [InlineData("turbo", "30123b", "7a0403")]
    [InlineData("viridis", "440154", "fde725")]
    [InlineData("cividis", "00224e", "fee838")]
    [InlineData("jet", "000080", "800000")]
    public void Ends_equal_the_published_colours(string name, string low, string high)
    {
        Assert.Equal((Rgb.Parse(low), Rgb.Parse(high)), (Colormap.ByName(name).At(0), Colormap.ByName(name).At(1)));
    }

    [Theory]
    [InlineData("inferno")]
    [InlineData("viridis")]
    [InlineData("cividis")]
    public void Sequential_maps_grow_lighter_so_they_read_in_grey(string name)
    {
        var lightness = Enumerable.Range(0, 64).Select(i => Luma(Colormap.ByName(name).At(i / 63f))).ToArray();

        Assert.All(lightness.Zip(lightness.Skip(1)), pair => Assert.True(pair.Second > pair.First - 1));
        Assert.True(lightness[^1] - lightness[0] > 150);
    }

    [Fact]
    public void Diverging_map_is_lightest_and_neutral_at_zero()
    {
        var middle = Colormap.Diverging.At(0.5f);

        Assert.True(Math.Max(middle.R, Math.Max(middle.G, middle.B)) - Math.Min(middle.R, Math.Min(middle.G, middle.B)) < 8);
        Assert.All([0f, 0.2f, 0.4f, 0.6f, 0.8f, 1f], value => Assert.True(Luma(Colormap.Diverging.At(value)) < Luma(middle)));
        Assert.True(Colormap.Diverging.At(0).B > Colormap.Diverging.At(0).R && Colormap.Diverging.At(1).R > Colormap.Diverging.At(1).B);
    }

    [Fact]
    public void Values_outside_the_range_take_the_nearest_end()
    {
        Assert.Equal(Colormap.Inferno.At(1), Colormap.Inferno.At(float.PositiveInfinity));
        Assert.Equal(Colormap.Inferno.At(0), Colormap.Inferno.At(-3));
        Assert.Equal(Colormap.Inferno.At(0), Colormap.Inferno.At(float.NaN));
    }

    [Fact]
    public void Unknown_name_is_an_error_that_lists_the_names()
    {
        var refused = Assert.Throws<ArgumentException>(() => Colormap.ByName("parula"));

        Assert.Contains("inferno, turbo, viridis, cividis, jet, diverging", refused.Message, StringComparison.Ordinal);
    }

    private static double Luma(Rgb color) => 0.2126 * color.R + 0.7152 * color.G + 0.0722 * color.B;
}
