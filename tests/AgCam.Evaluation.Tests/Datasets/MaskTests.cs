using AgCam.Evaluation.Datasets.Masks;
using AgCam.Evaluation.Metrics;
using AgCam.Heatmaps;
using AgCam.Images;
using Xunit;

namespace AgCam.Evaluation.Tests.Datasets;

public class MaskTests
{
    [Fact]
    public void Polygon_marks_the_pixels_whose_centres_it_contains()
    {
        Assert.Equal(
            """
            ......
            .###..
            .###..
            .###..
            ......
            """,
            Drawn(
                new PolygonMask([
                    [1, 1, 4, 1, 4, 4, 1, 4],
                ]),
                6,
                5
            )
        );
        // A triangle over the diagonal, and a second polygon beside it.
        Assert.Equal(
            """
            #....#
            ##...#
            ###...
            """,
            Drawn(
                new PolygonMask([
                    [0, -0.2, 3.4, 3.2, 0, 3.2],
                    [5, 0, 6, 0, 6, 2, 5, 2],
                ]),
                6,
                3
            )
        );
    }

    [Fact]
    public void Run_lengths_go_down_the_columns()
    {
        var expected = """
            .#.
            ##.
            """;
        Assert.Equal(expected, Drawn(new RunLengthMask(2, 3, [1, 3, 2]), 3, 2));
        Assert.Throws<FormatException>(() => Drawn(new RunLengthMask(2, 3, [1, 3, 1]), 3, 2));
        Assert.Throws<FormatException>(() => Drawn(new RunLengthMask(3, 2, [1, 3, 2]), 3, 2));
    }

    [Fact]
    public void Compressed_run_lengths_round_trip()
    {
        var random = new Random(5);
        for (var round = 0; round < 200; round++)
        {
            long[] runs = [.. Enumerable.Range(0, random.Next(1, 12)).Select(_ => (long)random.Next(0, round < 100 ? 20 : 200_000))];
            Assert.Equal(runs, RunLengthMask.Decompress(Compress(runs)));
        }

        Assert.Throws<FormatException>(() => RunLengthMask.Decompress("P"));
        Assert.Throws<FormatException>(() => RunLengthMask.Decompress("é"));
    }

    [Fact]
    public void Palette_of_VOC_is_the_published_one()
    {
        Assert.Equal(((byte)128, (byte)0, (byte)0), PictureMask.VocColour(1));
        Assert.Equal(((byte)0, (byte)128, (byte)0), PictureMask.VocColour(2));
        Assert.Equal(((byte)128, (byte)128, (byte)128), PictureMask.VocColour(7));
        Assert.Equal(((byte)64, (byte)0, (byte)0), PictureMask.VocColour(8));
        Assert.Equal(((byte)224, (byte)224, (byte)192), PictureMask.VocColour(255));
    }

    [Fact]
    public void Picture_mask_marks_the_selected_objects_and_leaves_the_border_void()
    {
        using var folder = new TemporaryFolder();
        var colours = new[] { 0, 1, 2, 255 }.SelectMany(number =>
            (byte[])[PictureMask.VocColour(number).Red, PictureMask.VocColour(number).Green, PictureMask.VocColour(number).Blue]
        );
        PngEncoder.Save(new RgbImage(4, 1, [.. colours]), folder["voc.png"]);
        Assert.Equal("..#?", Drawn(new PictureMask(folder["voc.png"], [2]), 4, 1));
        PngEncoder.Save(new RgbImage(3, 1, [0, 0, 0, 102, 102, 102, 153, 153, 153]), folder["cub.png"]);
        Assert.Equal("..#", Drawn(new PictureMask(folder["cub.png"]), 3, 1));
        Assert.Throws<FormatException>(() => Drawn(new PictureMask(folder["cub.png"]), 4, 1));
        Assert.Throws<ImageException>(() => Drawn(new PictureMask(folder["gone.png"]), 4, 1));
    }

    [Fact]
    public void Scores_count_pixels_and_leave_out_void_ones()
    {
        var map = new Heatmap(2, 3, [0.9f, 0.8f, 0.1f, 0.6f, 0.2f, 1f]);
        MaskPixel[] mask =
        [
            MaskPixel.Object,
            MaskPixel.Background,
            MaskPixel.Object,
            MaskPixel.Object,
            MaskPixel.Background,
            MaskPixel.Void,
        ];

        Assert.Equal(new LocalizationScores(3 / 5.0, 2 / 4.0, 4 / 6.0, 2 / 3.0, 2 / 3.0), MaskScores.Measure(map, mask, 0.5));
        var (hit, energy) = MaskScores.Pointing(map, mask);
        Assert.True(hit);
        Assert.Equal(1.6 / 2.6, energy, 6);
    }

    [Fact]
    public void Exact_scores_count_the_pixels_whose_centres_lie_in_boxes()
    {
        BoundingBox[] predicted = [new(0, 0, 2, 2)];
        BoundingBox[] truth = [new(0.6, 0, 2, 2)]; // centres at 1.5 and 2.5

        var scores = LocalizationScores.Measure(predicted, truth, (4, 4));

        Assert.Equal(new LocalizationScores(12 / 16.0, 2 / 6.0, 4 / 8.0, 0.5, 0.5), scores);
        Assert.Equal(new LocalizationScores(1, 1, 1, 1, 1), LocalizationScores.Measure(truth, truth, (4, 4)));
        // The paper fills one pixel more.
        Assert.NotEqual(scores.Iou, LocalizationScores.Paper(predicted, truth, (4, 4), (4, 4)).Iou);
    }

    private static string Drawn(ObjectMask mask, int width, int height)
    {
        var pixels = new MaskPixel[width * height];
        mask.Draw(pixels, width, height, ImageLimits.Default, LocalFiles.Instance);
        return string.Join('\n', pixels.Chunk(width).Select(row => string.Concat(row.Select(pixel => ".#?"[(int)pixel]))));
    }

    /// <summary>Compresses as the format defines.</summary>
    private static string Compress(long[] runs)
    {
        var text = "";
        for (var i = 0; i < runs.Length; i++)
        {
            var value = i > 2 ? runs[i] - runs[i - 2] : runs[i];
            for (var more = true; more; )
            {
                var bits = value & 31;
                value >>= 5;
                more = (bits & 16) != 0 ? value != -1 : value != 0;
                text += (char)((more ? bits | 32 : bits) + '0');
            }
        }

        return text;
    }
}
