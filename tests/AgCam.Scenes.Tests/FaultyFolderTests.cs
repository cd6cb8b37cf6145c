using AgCam.Scenes.Faults;
using Xunit;

namespace AgCam.Scenes.Tests;

public class FaultyFolderTests
{
    [Fact]
    public void Same_options_give_the_same_dataset_and_another_seed_another()
    {
        using var folder = new TemporaryFolder();
        string[] drawn = [Draw("a", 5), Draw("b", 5), Draw("c", 6)];
        Assert.Equal(drawn[0], drawn[1]);
        Assert.NotEqual(drawn[0], drawn[2]);

        string Draw(string name, long seed)
        {
            FaultyFolder.Draw(Options(folder[name], seed));
            var files = Directory.GetFiles(folder[name], "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal);
            return string.Join(
                '\n',
                files.Select(file => $"{Path.GetRelativePath(folder[name], file)} {Digest.Of(File.ReadAllBytes(file))}")
            );
        }
    }

    [Fact]
    public void Picture_has_at_most_one_fault_and_is_named_by_it()
    {
        using var folder = new TemporaryFolder();
        var faults = FaultyFolder.Draw(Options(folder.Path, 5));
        string[] faulty =
        [
            .. faults.WrongLabels.Select(wrong => wrong.Path),
            .. faults.Blank,
            .. faults.Dark,
            .. faults.Blurred,
            .. faults.Exact.Concat(faults.ReEncoded).Concat(faults.Near).SelectMany(copied => new[] { copied.Path, copied.Original }),
        ];
        Assert.Equal((4 * 6) + (2 * 3 * 6), faulty.Length); // a tenth of 60 scenes, and copies with their originals
        Assert.Equal(faulty.Length, faulty.Distinct().Count());
        Assert.Equal(9, faults.Leaks().Count());
        Assert.Equal("fish", faults.WatermarkedClass);
        Assert.Empty(faults.Watermarked.Intersect([.. faults.Blank, .. faults.Dark, .. faults.Blurred]));
        var rows = File.ReadAllLines(folder[FaultyFolder.Manifest]);
        Assert.Equal("path,label,split", rows[0]);
        Assert.Equal(60 + (3 * 6), rows.Length - 1);
    }

    [Fact]
    public void Too_few_scenes_for_their_faults_are_refused()
    {
        using var folder = new TemporaryFolder();
        var options = Options(folder.Path, 5) with { Count = 12 };
        Assert.Contains(
            "12 scenes are too few",
            Assert.Throws<ArgumentException>(() => FaultyFolder.Draw(options)).Message,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData(0, true, true)]
    [InlineData(1, false, true)]
    [InlineData(2, false, false)]
    [InlineData(3, true, false)]
    public void Mark_of_a_fixed_corner_is_always_there(int corner, bool isLeft, bool isTop)
    {
        var options = new SceneOptions { Watermark = WatermarkRule.Always, WatermarkCorner = corner };
        var marks = Enumerable.Range(0, 30).Select(index => Scene.Draw(5, index, options).WatermarkBox!.Value);
        Assert.All(marks, mark => Assert.Equal((isLeft, isTop), (mark.X < Scene.Side / 2, mark.Y < Scene.Side / 2)));
    }

    private static FaultyFolderOptions Options(string folder, long seed) =>
        new()
        {
            Folder = folder,
            Count = 60,
            Seed = seed,
            Rate = 0.1,
        };
}
