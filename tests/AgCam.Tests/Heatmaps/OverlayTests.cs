using AgCam.Heatmaps;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Tests.Heatmaps;

public class OverlayTests
{
    private static readonly BoundingBox Everything = new(0, 0, 40, 30);

    [Fact]
    public void Cold_pixels_stay_and_hot_ones_take_the_colormap()
    {
        var photo = SomePhoto.Noise(1, 40, 30);
        var map = new Heatmap(3, 4, [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]);

        var overlay = Overlay.Blend(photo, map, Everything, opacity: 1);

        for (var y = 0; y < 30; y++)
        for (var x = 0; x < 25; x++)
            Assert.Equal(photo.At(x, y), overlay.At(x, y));
        Assert.Equal((0xfc, 0xff, 0xa4), overlay.At(39, 29));
    }

    [Fact]
    public void Pixels_outside_the_map_stay()
    {
        var photo = SomePhoto.Noise(2, 40, 30);

        var overlay = Overlay.Blend(photo, new Heatmap(1, 2, [1, 0.9f]), new BoundingBox(5, -10, 30, 50));

        Assert.Equal(photo.At(4, 15), overlay.At(4, 15));
        Assert.NotEqual(photo.At(5, 15), overlay.At(5, 15));
        Assert.NotEqual(photo.At(34, 0), overlay.At(34, 0));
        Assert.Equal(photo.At(35, 29), overlay.At(35, 29));
    }

    [Property]
    public bool An_overlay_at_map_size_samples_the_map_itself(int seed)
    {
        var map = SomeHeatmap.Noise(seed, 30, 40).Normalize();
        var overlay = Overlay.Blend(SomePhoto.Grey(40, 30, 0), map, Everything, Colormap.Viridis, opacity: 1);

        return Enumerable
            .Range(0, map.Values.Length)
            .All(i => Math.Abs(overlay.Pixels[3 * i + 1] - map.Values[i] * Colormap.Viridis.At(map.Values[i]).G) <= 1);
    }

    [Fact]
    public void Zero_opacity_changes_nothing()
    {
        var photo = SomePhoto.Noise(3, 40, 30);

        Assert.Equal(photo.Pixels, Overlay.Blend(photo, SomeHeatmap.Smooth(1), Everything, opacity: 0).Pixels);
        Assert.Throws<ArgumentOutOfRangeException>(() => Overlay.Blend(photo, SomeHeatmap.Smooth(1), Everything, opacity: 1.5));
    }

    [Fact]
    public void Signed_map_is_blue_against_and_red_in_favour()
    {
        var overlay = Overlay.Blend(SomePhoto.Grey(40, 30), new Heatmap(1, 3, [-1, 0, 1]), Everything, Colormap.Diverging);

        Assert.True(overlay.At(2, 5).B > overlay.At(2, 5).R);
        Assert.True(overlay.At(37, 5).R > overlay.At(37, 5).B);
    }

    [Fact]
    public void NaN_leaves_the_photo_unchanged()
    {
        var photo = SomePhoto.Noise(4, 40, 30);

        Assert.Equal(photo.Pixels, Overlay.Blend(photo, new Heatmap(1, 1, [float.NaN]), Everything).Pixels);
    }

    [Fact]
    public void Painting_gives_the_colours_of_the_map()
    {
        var painted = Overlay.Paint(new Heatmap(1, 2, [0, 1]), 2, 1);

        Assert.Equal([0, 0, 4, 0xfc, 0xff, 0xa4], painted.Pixels);
    }
}
