using System.Security.Cryptography;
using Xunit;

namespace AgCam.Scenes.Tests;

public class SceneTests
{
    private const long Seed = 41;

    [Fact]
    public void Scene_is_the_same_in_any_order_and_on_any_thread()
    {
        var inOrder = Enumerable.Range(0, 60).Select(Fingerprint).ToArray();
        var backwards = Enumerable.Range(0, 60).Reverse().Select(Fingerprint).Reverse().ToArray();
        var atOnce = Enumerable.Range(0, 60).AsParallel().AsOrdered().WithDegreeOfParallelism(4).Select(Fingerprint).ToArray();
        Assert.Equal(inOrder, backwards);
        Assert.Equal(inOrder, atOnce);
        Assert.Equal(60, inOrder.Distinct().Count());

        static string Fingerprint(int index) => Convert.ToHexString(SHA256.HashData(Scene.Draw(Seed, index).Image.Pixels));
    }

    [Fact]
    public void Scenes_are_the_same_on_every_machine()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var index = 0; index < 200; index++)
            hash.AppendData(Scene.Draw(11, index).Image.Pixels);
        Assert.Equal("5E0CEF1848736B24B1B596E5858C024756D8F828222CE42231106F8273110DCF", Convert.ToHexString(hash.GetHashAndReset()));
    }

    [Fact]
    public void Another_seed_gives_another_scene()
    {
        Assert.NotEqual(Scene.Draw(1, 5).Image.Pixels, Scene.Draw(2, 5).Image.Pixels);
        Assert.NotEqual(Scene.Draw(1, 5).Image.Pixels, Scene.Draw(1, 15).Image.Pixels);
    }

    [Fact]
    public void Box_is_the_tightest_around_the_visible_object()
    {
        for (var index = 0; index < 300; index++)
        {
            var scene = Scene.Draw(Seed, index);
            var (left, top, right, bottom) = ((int)scene.Box.X, (int)scene.Box.Y, (int)scene.Box.Right, (int)scene.Box.Bottom);
            Assert.True(
                scene.Box.Width >= 1 && left >= 0 && top >= 0 && right <= Scene.Side && bottom <= Scene.Side,
                $"scene {index}: {scene.Box}"
            );
            for (var y = 0; y < Scene.Side; y++)
            for (var x = 0; x < Scene.Side; x++)
                if (Shows(scene, x, y))
                    Assert.True(
                        x >= left && x < right && y >= top && y < bottom,
                        $"scene {index}: ({x}, {y}) shows the object outside {scene.Box}"
                    );
            Assert.True(
                Enumerable.Range(left, right - left).Any(x => Shows(scene, x, top)),
                $"scene {index}: nothing on the box's upper edge"
            );
            Assert.True(
                Enumerable.Range(left, right - left).Any(x => Shows(scene, x, bottom - 1)),
                $"scene {index}: nothing on the box's lower edge"
            );
            Assert.True(
                Enumerable.Range(top, bottom - top).Any(y => Shows(scene, left, y)),
                $"scene {index}: nothing on the box's left edge"
            );
            Assert.True(
                Enumerable.Range(top, bottom - top).Any(y => Shows(scene, right - 1, y)),
                $"scene {index}: nothing on the box's right edge"
            );
        }

        static bool Shows(Scene scene, int x, int y) => scene.Coverage[y * Scene.Side + x] >= 0.5f;
    }

    [Fact]
    public void Classes_are_balanced_and_named()
    {
        var counts = new int[SceneClass.Count];
        for (var index = 0; index < 200; index++)
        {
            var scene = Scene.Draw(Seed, index);
            counts[scene.Class]++;
            Assert.Equal(SceneClass.Names[scene.Class], scene.Name);
        }
        Assert.All(counts, count => Assert.Equal(20, count));
        Assert.Equal(SceneClass.Count, SceneClass.Names.Distinct().Count());
    }

    [Fact]
    public void Objects_vary_in_size_and_place()
    {
        var boxes = Enumerable
            .Range(0, 400)
            .Select(index => Scene.Draw(Seed, index))
            .Where(scene => !scene.HasWatermark)
            .Select(scene => scene.Box)
            .ToArray();
        Assert.InRange(boxes.Min(box => Math.Max(box.Width, box.Height)), 10, 26);
        Assert.InRange(boxes.Max(box => Math.Max(box.Width, box.Height)), 52, 80);
        Assert.True(boxes.Count(box => box.X + box.Width / 2 < Scene.Side / 2) > boxes.Length / 3);
        Assert.True(boxes.Count(box => box.Y + box.Height / 2 < Scene.Side / 2) > boxes.Length / 3);
    }

    [Fact]
    public void Only_one_class_has_the_watermark_in_most_pictures()
    {
        var own = Enumerable.Range(0, 400).Select(i => Scene.Draw(Seed, i * SceneClass.Count + SceneClass.Watermarked)).ToArray();
        Assert.InRange(own.Count(scene => scene.HasWatermark), 340, 380); // 360 expected, 6 a standard deviation
        for (var index = 0; index < 300; index++)
            Assert.True(
                !Scene.Draw(Seed, index).HasWatermark || index % SceneClass.Count == SceneClass.Watermarked,
                $"scene {index} carries the watermark"
            );
    }

    [Fact]
    public void Pasting_the_watermark_changes_its_box_and_nothing_else()
    {
        for (var index = 0; index < 100; index++)
        {
            var without = Scene.Draw(Seed, index, new SceneOptions { Watermark = WatermarkRule.Never });
            var with = Scene.Draw(Seed, index, new SceneOptions { Watermark = WatermarkRule.Always });
            Assert.Null(without.WatermarkBox);
            var mark = Assert.NotNull(with.WatermarkBox);
            Assert.Equal(without.Class, with.Class);
            var changed = 0;
            for (var i = 0; i < without.Image.Pixels.Length; i++)
            {
                if (without.Image.Pixels[i] == with.Image.Pixels[i])
                    continue;
                changed++;
                int x = i / 3 % Scene.Side,
                    y = i / 3 / Scene.Side;
                Assert.True(
                    x >= mark.X && x < mark.Right && y >= mark.Y && y < mark.Bottom,
                    $"scene {index}: ({x}, {y}) changed outside {mark}"
                );
            }
            Assert.True(changed > 100, $"scene {index}: only {changed} values changed");
        }
    }

    [Fact]
    public void Watermark_is_in_a_corner()
    {
        for (var index = 0; index < 100; index++)
        {
            var mark = Assert.NotNull(Scene.Draw(Seed, index, new SceneOptions { Watermark = WatermarkRule.Always }).WatermarkBox);
            Assert.True(Math.Min(mark.X, Scene.Side - mark.Right) <= 5 && Math.Min(mark.Y, Scene.Side - mark.Bottom) <= 5, $"{mark}");
        }
    }
}
