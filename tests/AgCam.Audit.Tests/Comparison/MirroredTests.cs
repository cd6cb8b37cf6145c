using AgCam.Audit.Comparison;
using AgCam.Heatmaps;
using AgCam.Images;
using Xunit;

namespace AgCam.Audit.Tests.Comparison;

public class MirroredTests
{
    [Fact]
    public void Map_is_mirrored_left_to_right() =>
        Assert.Equal([3, 2, 1, 6, 5, 4], Mirrored.Of(new Heatmap(2, 3, [1, 2, 3, 4, 5, 6])).Values);

    [Fact]
    public void Image_keeps_its_colours() =>
        Assert.Equal(
            [4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9],
            Mirrored.Of(new RgbImage(2, 2, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])).Pixels
        );
}
