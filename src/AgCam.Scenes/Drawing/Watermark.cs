using AgCam.Heatmaps;

namespace AgCam.Scenes.Drawing;

/// <summary>Small copyright sign on a dark disc, as picture agencies print it. Its pixels are always the same.</summary>
internal static class Watermark
{
    private static readonly string[] Glyph =
    [
        "...#####...",
        "..#.....#..",
        ".#..###..#.",
        "#..#...#..#",
        "#..#......#",
        "#..#......#",
        "#..#......#",
        "#..#...#..#",
        ".#..###..#.",
        "..#.....#..",
        "...#####...",
    ];

    public const int Side = 11;

    /// <summary>Chooses a corner away from the object, a few pixels from the rim. Returns the mark's top left pixel.</summary>
    /// <param name="box">Box of the object.</param>
    /// <param name="fixedCorner">Corner to use, even on the object; null to choose one.</param>
    public static (int X, int Y) Place(SceneRandom random, int picture, BoundingBox box, int? fixedCorner)
    {
        var (left, top, right, bottom) = (box.X, box.Y, box.X + box.Width, box.Y + box.Height);
        var corner = random.Below(4);
        int across = 2 + random.Below(4),
            down = 2 + random.Below(4);
        corner = fixedCorner ?? corner;
        for (var turn = 0; ; turn++, corner = (corner + 1) % 4)
        {
            var x = corner is 0 or 3 ? across : picture - Side - across;
            var y = corner is 0 or 1 ? down : picture - Side - down;
            if (turn == 4 || fixedCorner is not null || x > right || x + Side <= left || y > bottom || y + Side <= top)
                return (x, y);
        }
    }

    public static void Paint(Painting painting, int left, int top)
    {
        for (var y = 0; y < Side; y++)
        for (var x = 0; x < Side; x++)
        {
            double dx = x - 5,
                dy = y - 5;
            if (Glyph[y][x] == '#')
                painting.Blend(left + x, top + y, Colour.White, 0.9);
            else if (dx * dx + dy * dy <= 25)
                painting.Blend(left + x, top + y, Colour.Black, 0.6);
        }
    }
}
