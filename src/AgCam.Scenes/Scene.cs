using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Scenes.Drawing;

namespace AgCam.Scenes;

/// <summary>Drawn picture of one object on a cluttered background, with exact ground truth.</summary>
public sealed class Scene
{
    /// <summary>Width and height of every scene in pixels.</summary>
    public const int Side = 96;

    private Scene(RgbImage image, int @class, float[] coverage, BoundingBox? watermark)
    {
        Image = image;
        Class = @class;
        Coverage = coverage;
        Box = Around(coverage);
        WatermarkBox = watermark;
    }

    /// <summary>Picture of 96 x 96 pixels.</summary>
    public RgbImage Image { get; }

    /// <summary>Class of the object, an index into <see cref="SceneClass.Names"/>. The watermark does not change it.</summary>
    public int Class { get; }

    public string Name => SceneClass.Names[Class];

    /// <summary>
    /// Share of each pixel that shows the object, [96, 96], in [0, 1]. Parts under an occluder or the watermark count as 0.
    /// </summary>
    public IReadOnlyList<float> Coverage { get; }

    /// <summary>Smallest box in whole pixels around all pixels that show the object by half or more.</summary>
    public BoundingBox Box { get; }

    public bool HasWatermark => WatermarkBox is not null;

    /// <summary>Box of the watermark in pixels; null without one.</summary>
    public BoundingBox? WatermarkBox { get; }

    /// <summary>
    /// Draws scene <paramref name="index"/> of a seed. It is the same on every machine, in any order and on any thread. Index i shows class
    /// i mod 10.
    /// </summary>
    public static Scene Draw(long seed, long index, SceneOptions? options = null)
    {
        options ??= new SceneOptions();
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        var @class = (int)(index % SceneClass.Count);
        var marks = new SceneRandom(seed, index, ScenePart.Watermark);
        var marked = @class == SceneClass.Watermarked && marks.Chance(options.WatermarkShare);
        // The object of a marked picture is hard to see, so the mark is the easier evidence.
        var hidden = marked || new SceneRandom(seed, index, ScenePart.Hidden).Chance(options.HiddenShare);

        var painting = new Painting(Side);
        Backdrop.Paint(painting, new SceneRandom(seed, index, ScenePart.Backdrop));
        var item = SceneObject.Draw(painting, SceneClass.Of(@class), hidden, seed, index);
        Light.Shine(painting, new SceneRandom(seed, index, ScenePart.Light));

        BoundingBox? mark = null;
        if (options.Watermark == WatermarkRule.Always || (marked && options.Watermark == WatermarkRule.AsDrawn))
        {
            var box = Around(item.Coverage);
            var (x, y) = Watermark.Place(new SceneRandom(seed, index, ScenePart.WatermarkPlace), Side, box, options.WatermarkCorner);
            Watermark.Paint(painting, x, y);
            mark = new BoundingBox(x, y, Watermark.Side, Watermark.Side);
            for (var row = y; row < y + Watermark.Side; row++)
                item.Coverage.AsSpan(row * Side + x, Watermark.Side).Clear();
        }
        return new Scene(painting.ToImage(), @class, item.Coverage, mark);
    }

    private static BoundingBox Around(float[] coverage)
    {
        int left = Side,
            top = Side,
            right = -1,
            bottom = -1;
        for (var y = 0; y < Side; y++)
        for (var x = 0; x < Side; x++)
            if (coverage[y * Side + x] >= 0.5f)
            {
                (left, right) = (Math.Min(left, x), Math.Max(right, x));
                (top, bottom) = (Math.Min(top, y), Math.Max(bottom, y));
            }
        return right < 0 ? default : new BoundingBox(left, top, right - left + 1, bottom - top + 1);
    }
}
