namespace AgCam.Scenes.Drawing;

/// <summary>Paints a bar or a blob over part of the object.</summary>
internal static class Occluder
{
    /// <param name="coverage">Coverage of the object, lowered under the occluder.</param>
    public static void Cover(
        Painting painting,
        float[] coverage,
        double centreX,
        double centreY,
        double size,
        bool hidden,
        SceneRandom random
    )
    {
        if (!random.Chance(hidden ? 0.7 : 0.15))
            return;
        var minimumVisible = hidden ? 0.4 : 0.85; // share of the object
        var turns = random.Unit();
        var offset = size * random.Between(-0.3, 0.3);
        double x = centreX + offset * Turn.Cos(turns + 0.25),
            y = centreY + offset * Turn.Sin(turns + 0.25);
        var bar = random.Chance(0.6);
        var thickness = size * (bar ? random.Between(0.1, 0.25) : random.Between(0.2, 0.4)) * (hidden ? 1.8 : 1);
        var length = size * random.Between(1.3, 2.2);
        var colour = Colour.FromHsv(random.Unit(), random.Between(0.05, 0.7), random.Between(0.15, 0.95));
        if (!bar)
            (x, y) = (centreX + 0.45 * size * Turn.Cos(turns), centreY + 0.45 * size * Turn.Sin(turns));
        var blobSeed = random.Next();
        for (var tries = 0; tries < 6; tries++, thickness *= 0.75)
        {
            var outline = bar
                ? Backdrop.Bar(x, y, length, thickness, turns)
                : Backdrop.Blob(new SceneRandom((long)blobSeed, 0, ScenePart.Occluder), x, y, thickness);
            if (VisibleShare(painting, coverage, outline) < minimumVisible)
                continue;
            painting.Distances(
                outline,
                1,
                (px, py, distance) =>
                {
                    var share = Painting.Coverage(distance);
                    painting.Blend(px, py, colour.Towards(Colour.Black, 0.25 * Math.Clamp(distance + 1, 0, 1)), share);
                    coverage[py * painting.Side + px] *= (float)(1 - share);
                }
            );
            return;
        }
    }

    private static double VisibleShare(Painting painting, float[] coverage, Outline outline)
    {
        double all = 0,
            hidden = 0;
        foreach (var share in coverage)
            all += share;
        painting.Distances(outline, 1, (x, y, distance) => hidden += coverage[y * painting.Side + x] * Painting.Coverage(distance));
        return 1 - hidden / all;
    }
}
