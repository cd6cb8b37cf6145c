using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Preprocessing;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Tests.Heatmaps;

public class PictureTests
{
    [Fact]
    public void Overlay_has_the_size_of_the_photo_between_the_limits()
    {
        Assert.Equal((600, 400), Size(Some(600, 400).Overlay()));
        Assert.Equal((336, 224), Size(Some(336, 224).Overlay()));
        Assert.Equal((336, 224), Size(Some(300, 200).Overlay()));
        Assert.Equal((4, 336), Size(Some(1, 96).Overlay()));
        Assert.Equal((100, 67), Size(Some(300, 200).Overlay(new() { LongestSide = 100 })));
    }

    [Theory]
    [InlineData(96, 96)]
    [InlineData(1, 1)]
    [InlineData(900, 40)]
    [InlineData(40, 900)]
    public void Strip_of_any_photo_has_large_panels_and_room_for_captions(int width, int height)
    {
        var strip = Some(width, height).Strip();

        var (panelWidth, panelHeight) = PictureScaling.Fit(width, height, 336);
        Assert.True(strip.Width > 3 * Math.Max(panelWidth, 160));
        Assert.True(strip.Height > panelHeight + 20);
    }

    [Fact]
    public void Heatmap_and_boxes_of_a_small_photo_are_drawn_at_the_larger_size()
    {
        // The right half of 84 x 84 is hot; drawn four times as large.
        var picture = new ExplanationPicture(SomePhoto.Grey(84, 84), SomeHeatmap.Drawn("99", "99"), new(42, 0, 42, 84))
        {
            Boxes = [new(10, 10, 20, 20, 0.7)],
        };

        var overlay = picture.Overlay();

        Assert.Equal((336, 336), Size(overlay));
        Assert.Equal((128, 128, 128), overlay.At(167, 300));
        Assert.NotEqual((128, 128, 128), overlay.At(168, 300));
        Assert.NotEqual((128, 128, 128), overlay.At(80, 40));
        Assert.Equal((128, 128, 128), overlay.At(80, 80));
    }

    [Fact]
    public void Picture_of_an_explanation_covers_the_model_input()
    {
        // 200 x 100, shorter side to 50, centre 50 x 50: the model saw the middle 100 x 100 pixels
        var explanation = new Explanation
        {
            Predictions = [],
            Logits = [0, 0],
            LogSumExp = Math.Log(2),
            Transform = new InputTransform(2, 2, 25, 0, 200, 100),
            Targets =
            [
                new TargetExplanation
                {
                    Requested = ["predicted"],
                    Class = 1,
                    Name = "goldfish",
                    Heatmap = SomeHeatmap.Drawn("1.", "51"),
                    Boxes = [new(60, 50, 40, 50, 0.7)],
                },
            ],
        };
        var input = Testing.Some.Options(CropMode.Center, 50, 50, Interpolation.Bilinear);
        var photo = SomePhoto.Noise(7, 200, 100);

        var picture = ExplanationPicture.Of(photo, explanation, explanation.Targets[0], input);

        Assert.Equal(new BoundingBox(50, 0, 100, 100), picture.Covers);
        Assert.Equal("goldfish  0.50", picture.Title);
        Assert.Equal(("0", "0.5"), picture.Ends);
        var overlay = picture.Overlay(new() { Boxes = false, LongestSide = 200 });
        Assert.Equal(photo.At(49, 99), overlay.At(49, 99));
        Assert.NotEqual(photo.At(50, 99), overlay.At(50, 99));
        Assert.Throws<ArgumentException>(() => ExplanationPicture.Of(SomePhoto.Grey(100, 200), explanation, explanation.Targets[0], input));
    }

    [Fact]
    public void Predicted_box_is_solid_and_ground_truth_dashed()
    {
        var photo = SomePhoto.Grey(400, 300);
        BoundingBox[] box = [new(100, 60, 200, 160)];

        var predicted = BoxDrawing.Draw(photo, box);
        var truth = BoxDrawing.Draw(photo, [], box);

        Assert.All(Enumerable.Range(100, 200), x => Assert.NotEqual((128, 128, 128), predicted.At(x, 60)));
        var untouched = Enumerable.Range(100, 200).Count(x => truth.At(x, 60) == (128, 128, 128));
        Assert.InRange(untouched, 60, 140);
        Assert.Equal((128, 128, 128), predicted.At(200, 140));
    }

    [Property]
    public bool Boxes_anywhere_can_be_drawn(float x, float y, float width, float height)
    {
        var photo = SomePhoto.Grey(40, 30);
        BoundingBox[] box = [new(x, y, Math.Abs(width), Math.Abs(height), 0.5)];
        return Size(BoxDrawing.Draw(photo, box, box, scores: true)) == (40, 30);
    }

    [Fact]
    public void Drawing_does_not_change_the_photo()
    {
        var picture = Some(60, 50);
        var before = picture.Photo.Pixels.ToArray();

        picture.Overlay();
        picture.Strip();

        Assert.Equal(before, picture.Photo.Pixels);
    }

    [Fact]
    public void Long_caption_ends_in_dots()
    {
        var text = new Lettering("a class with a very long name indeed", 10);

        var fitted = text.Fit(100);

        Assert.EndsWith("...", fitted.Text, StringComparison.Ordinal);
        Assert.InRange(fitted.Width, 60, 100);
        Assert.Same(text, text.Fit(1000));
    }

    [Fact]
    public void Every_printable_letter_has_its_own_strokes()
    {
        var unknown = Strokes("你");
        var drawn = Enumerable.Range('!', '~' - '!' + 1).Select(c => Strokes(((char)c).ToString())).ToArray();

        Assert.DoesNotContain(unknown, drawn);
        Assert.Equal(drawn.Length, drawn.Distinct().Count());
        Assert.Equal(Strokes("deja vu"), Strokes("déjà\tvu"));

        static string Strokes(string text) => string.Join(' ', StrokeFont.Strokes(text).Select(s => string.Join(',', s)));
    }

    [Fact]
    public void Png_round_trips_and_leaves_no_temporary_file()
    {
        var image = SomePhoto.Noise(5, 33, 21);
        var folder = Directory.CreateTempSubdirectory("agcam-png-");
        try
        {
            var path = Path.Combine(folder.FullName, "picture.png");
            PngEncoder.Save(SomePhoto.Noise(6, 5, 5), path);
            PngEncoder.Save(image, path);

            using var read = NetVips.Image.NewFromFile(path);
            Assert.Equal((33, 21, 3), (read.Width, read.Height, read.Bands));
            Assert.Equal(image.Pixels, read.WriteToMemory<byte>());
            Assert.Single(folder.GetFiles());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Failed_save_leaves_no_file()
    {
        var folder = Directory.CreateTempSubdirectory("agcam-png-");
        try
        {
            var occupied = folder.CreateSubdirectory("picture.png").FullName;

            Assert.ThrowsAny<SystemException>(() => PngEncoder.Save(SomePhoto.Grey(4, 4), occupied));
            Assert.Empty(folder.GetFiles());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static ExplanationPicture Some(int width, int height) =>
        new(SomePhoto.Noise(1, width, height), SomeHeatmap.Smooth(1), new(0, 0, width, height))
        {
            Boxes = [new(width / 4.0, height / 4.0, width / 2.0, height / 2.0, 0.7)],
            GroundTruth = [new(0, 0, width, height)],
            Title = "goldfish  0.98",
        };

    private static (int, int) Size(RgbImage image) => (image.Width, image.Height);
}
