using System.ComponentModel.DataAnnotations;
using AgCam.Heatmaps;
using AgCam.Preprocessing;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Tests.Preprocessing;

[Trait("Category", "numerical")]
public class PreprocessorTests
{
    [Theory] // torchvision: int(248 * long / short), then round((h - 224) / 2) half to even
    [InlineData(500, 375, 330, 248, 53, 12)]
    [InlineData(375, 500, 248, 330, 12, 53)]
    [InlineData(333, 257, 321, 248, 48, 12)] // 97 / 2 = 48.5 rounds to 48
    [InlineData(500, 333, 372, 248, 74, 12)]
    [InlineData(400, 301, 329, 248, 52, 12)] // 105 / 2 = 52.5 rounds to 52
    [InlineData(400, 299, 331, 248, 54, 12)] // 107 / 2 = 53.5 rounds to 54
    [InlineData(7, 7, 248, 248, 12, 12)]
    public void Centre_crop_equals_that_of_torchvision(int width, int height, int resizedWidth, int resizedHeight, int left, int top)
    {
        var transform = Center(248).Apply(Some.Noise(width, height)).Transform;
        Assert.Equal((double)width / resizedWidth, transform.ScaleX);
        Assert.Equal((double)height / resizedHeight, transform.ScaleY);
        Assert.Equal((left, top), (transform.OffsetX, transform.OffsetY));
    }

    [Fact]
    public void Hugging_Face_rounds_the_crop_down()
    {
        var options = Some.Options(CropMode.Center, 224, 248, Interpolation.Bilinear) with { CropRounding = CropRounding.Down };
        Assert.Equal(53, new Preprocessor(options).Apply(Some.Noise(400, 299)).Transform.OffsetX);
    }

    [Fact]
    public void Crop_is_the_middle_of_the_resized_picture()
    {
        var image = Some.Noise(90, 60);
        var prepared = new Preprocessor(Some.Options(CropMode.Center, 32, 40, Interpolation.Bicubic)).Apply(image);
        var resized = Resampling.Resize(image, 60, 40, Interpolation.Bicubic);
        for (int y = 0; y < 32; y++)
            Assert.Equal(resized.Pixels.AsSpan((((y + 4) * 60) + 14) * 3, 96).ToArray(), prepared.Pixels.AsSpan(y * 96, 96).ToArray());
    }

    [Fact]
    public void Picture_smaller_than_its_crop_is_centred_on_black()
    {
        var prepared = new Preprocessor(Some.Options(CropMode.Center, 10, 5, Interpolation.Nearest)).Apply(Some.Colour(3, 3, 9, 9, 9));
        Assert.Equal(25, prepared.Pixels.Chunk(3).Count(pixel => pixel is [9, 9, 9]));
        Assert.Equal(75, prepared.Pixels.Chunk(3).Count(pixel => pixel is [0, 0, 0]));
        Assert.Equal((-2, -2), (prepared.Transform.OffsetX, prepared.Transform.OffsetY));
        Assert.Equal([9, 9, 9], prepared.Pixels.AsSpan(((2 * 10) + 2) * 3, 3).ToArray());
    }

    [Fact]
    public void Border_has_the_mean_colour_and_keeps_the_whole_picture()
    {
        var prepared = new Preprocessor(Some.Options(CropMode.Border, 20, 0, Interpolation.Bilinear)).Apply(
            Some.Colour(40, 20, 200, 100, 50)
        );
        byte[] mean = [124, 116, 104]; // round(255 x mean)
        for (int y = 0; y < 20; y++)
            Assert.All(
                prepared.Pixels.AsSpan(y * 60, 60).ToArray().Chunk(3),
                pixel => Assert.Equal(y is >= 5 and < 15 ? [200, 100, 50] : mean, pixel)
            );
        Assert.Equal(new BoundingBox(0, 0, 40, 20), prepared.Transform.ToOriginal(new BoundingBox(0, 0, 20, 20)));
        Assert.Null(prepared.Transform.ToOriginal(new BoundingBox(0, 0, 20, 5)));
    }

    [Fact]
    public void Squashed_picture_may_be_cropped_too()
    {
        var image = Some.Noise(90, 60);
        var prepared = new Preprocessor(Some.Options(CropMode.Squash, 32, 40, Interpolation.Bilinear)).Apply(image);
        var resized = Resampling.Resize(image, 40, 40, Interpolation.Bilinear);
        for (int y = 0; y < 32; y++)
            Assert.Equal(resized.Pixels.AsSpan((((y + 4) * 40) + 4) * 3, 96).ToArray(), prepared.Pixels.AsSpan(y * 96, 96).ToArray());
    }

    [Theory]
    [InlineData(CropMode.Squash)]
    [InlineData(CropMode.Center)]
    [InlineData(CropMode.Border)]
    public void Pictures_of_one_pixel_width_are_prepared(CropMode mode)
    {
        foreach (var (width, height) in ((int, int)[])[(1, 65_535), (65_535, 1), (1, 1)])
        {
            var prepared = new Preprocessor(Some.Options(mode, 32, 36, Interpolation.Bicubic)).Apply(Some.Colour(width, height, 7, 8, 9));
            Assert.Contains(prepared.Pixels.Chunk(3), pixel => pixel is [7, 8, 9]);
        }
    }

    [Property(MaxTest = 300)]
    public void Points_go_to_the_original_and_back(ushort width, ushort height, byte mode, byte resize, byte x, byte y)
    {
        var options = Some.Options((CropMode)(mode % 3), 24, 20 + (resize % 12), Interpolation.Nearest);
        var transform = new Preprocessor(options).Apply(Some.Colour(1 + (width % 300), 1 + (height % 300), 1, 1, 1)).Transform;
        var (originalX, originalY) = transform.ToOriginal(x, y);
        var (backX, backY) = transform.ToInput(originalX, originalY);
        Assert.Equal(x, backX, 9);
        Assert.Equal(y, backY, 9);
    }

    [Property(MaxTest = 300)]
    public void Boxes_lie_inside_the_original(ushort width, ushort height, byte mode, byte resize, byte x, byte y, byte w, byte h)
    {
        var options = Some.Options((CropMode)(mode % 3), 24, 20 + (resize % 12), Interpolation.Nearest);
        int originalWidth = 1 + (width % 300),
            originalHeight = 1 + (height % 300);
        var transform = new Preprocessor(options).Apply(Some.Colour(originalWidth, originalHeight, 1, 1, 1)).Transform;
        var input = new BoundingBox(x % 24, y % 24, 1 + (w % 24), 1 + (h % 24), 0.5);
        if (transform.ToOriginal(input) is not { } box)
            return;
        Assert.True(box.X >= 0 && box.Y >= 0 && box.Width > 0 && box.Height > 0);
        Assert.True(box.X + box.Width <= originalWidth + 1e-9 && box.Y + box.Height <= originalHeight + 1e-9);
        Assert.Equal(0.5, box.Score);
        var back = transform.ToInput(box);
        Assert.True(back.X >= input.X - 1e-9 && back.Y >= input.Y - 1e-9 && back.Area <= input.Area + 1e-9);
    }

    [Fact]
    public void Mark_in_the_original_is_found_where_the_transform_says()
    {
        var image = Some.Colour(300, 200, 0, 0, 0);
        for (int y = 80; y < 120; y++)
            image.Pixels.AsSpan(((y * 300) + 180) * 3, 40 * 3).Fill(255);
        foreach (var mode in Enum.GetValues<CropMode>())
        {
            var prepared = new Preprocessor(Some.Options(mode, 100, 110, Interpolation.Bilinear)).Apply(image);
            var marked = Enumerable.Range(0, 100 * 100).Where(i => prepared.Pixels.AsSpan(i * 3, 3) is [> 200, > 200, > 200]).ToList();
            double left = marked.Min(i => i % 100),
                right = marked.Max(i => i % 100) + 1,
                top = marked.Min(i => i / 100),
                bottom = marked.Max(i => i / 100) + 1;
            var box = prepared.Transform.ToOriginal(new BoundingBox(left, top, right - left, bottom - top))!.Value;
            Assert.Equal(180, box.X, 3.5);
            Assert.Equal(80, box.Y, 3.5);
            Assert.Equal(40, box.Width, 7.0);
            Assert.Equal(40, box.Height, 7.0);
        }
    }

    [Fact]
    public void Normalising_scales_shifts_and_separates_the_channels()
    {
        var options = Some.Options(CropMode.Squash, 2, 0, Interpolation.Nearest) with { Mean = [0.5f, 0.25f, 0f], Std = [0.5f, 0.5f, 2f] };
        var chw = new float[6];
        new Preprocessor(options).Normalize([0, 51, 255, 255, 102, 0], chw);
        Assert.Equal([-1f, 1f, ((51 / 255f) - 0.25f) / 0.5f, ((102 / 255f) - 0.25f) / 0.5f, 0.5f, 0f], chw);
    }

    [Fact]
    public void Options_out_of_range_are_named()
    {
        var good = Some.Options(CropMode.Center, 224, 248, Interpolation.Bicubic);
        Assert.Throws<ValidationException>(() => new Preprocessor(good with { InputWidth = 0 }));
        Assert.Throws<ValidationException>(() => new Preprocessor(good with { ResizeHeight = -1 }));
        Assert.Throws<ValidationException>(() => new Preprocessor(good with { Mean = [0.5f] }));
        Assert.Throws<ValidationException>(() => new Preprocessor(good with { Std = [0.5f, 0f, 0.5f] }));
        Assert.Throws<ArgumentException>(() => new Preprocessor(good).Apply(Some.Noise(3, 3), new byte[7]));
        Assert.Throws<ArgumentException>(() => new Preprocessor(good).Normalize(new byte[6], new float[3]));
    }

    private static Preprocessor Center(int resizeTo) => new(Some.Options(CropMode.Center, 224, resizeTo, Interpolation.Bilinear));
}
