namespace AgCam.Scenes.Drawing;

/// <summary>Object of a scene: placed, painted with a shadow and a rim, and partly occluded.</summary>
/// <param name="Coverage">Share of each pixel that shows the object, [side, side], in [0, 1].</param>
internal sealed record SceneObject(float[] Coverage)
{
    private const double ShadowReach = 4;

    /// <param name="hidden">Whether the object is small, faint and mostly covered: present, but poor evidence.</param>
    public static SceneObject Draw(Painting painting, SceneClass.Shape shape, bool hidden, long seed, long index)
    {
        var random = new SceneRandom(seed, index, ScenePart.Object);
        var (outline, size, turns) = Place(painting.Side, shape, hidden, random);
        double centreX = (outline.Left + outline.Right) / 2,
            centreY = (outline.Top + outline.Bottom) / 2;

        var coverage = new float[painting.Side * painting.Side];

        var paint = new SceneRandom(seed, index, ScenePart.Paint);
        var fill = new Fill(paint, painting.Mean(outline), size);
        var opacity = hidden ? paint.Between(0.25, 0.5) : paint.Between(0.85, 1);
        var shadow = paint.Chance(0.6) ? paint.Between(0.15, 0.45) * opacity : 0;
        var rim = paint.Chance(0.35) ? paint.Between(0.4, 0.8) : 0;
        var rimColour = fill.Main.Towards(paint.Chance(0.7) ? Colour.Black : Colour.White, 0.7);
        double cos = Turn.Cos(turns),
            sin = Turn.Sin(turns);

        var lower = outline.Map((x, y) => (x + 1.5, y + 2));
        if (shadow > 0)
            painting.Distances(lower, ShadowReach, (x, y, distance) => painting.Blend(x, y, Colour.Black, shadow * Soft(distance)));
        painting.Distances(
            outline,
            2,
            (x, y, distance) =>
            {
                var share = Painting.Coverage(distance);
                if (share <= 0)
                    return;
                double dx = x + 0.5 - centreX,
                    dy = y + 0.5 - centreY;
                var colour = fill.At(cos * dx + sin * dy, cos * dy - sin * dx);
                if (rim > 0)
                    colour = colour.Towards(rimColour, rim * Math.Clamp(distance + 2, 0, 1));
                painting.Blend(x, y, colour, share * opacity);
                coverage[y * painting.Side + x] = (float)share;
            }
        );

        Occluder.Cover(painting, coverage, centreX, centreY, size, hidden, new SceneRandom(seed, index, ScenePart.Occluder));
        return new SceneObject(coverage);
    }

    private static (Outline Outline, double Size, double Turns) Place(int side, SceneClass.Shape shape, bool hidden, SceneRandom random)
    {
        var size = hidden ? random.Between(16, 26) : random.Between(34, 62);
        double width = size * random.Between(0.88, 1.12),
            height = size * random.Between(0.88, 1.12);
        if (random.Chance(0.5))
            width = -width; // mirrored
        var turns = random.Between(-shape.MaxTurn, shape.MaxTurn);
        var outline = shape.Outline.Place(width, height, turns, 0, 0);
        var x = random.Between(1 - outline.Left, side - 1 - outline.Right);
        var y = random.Between(1 - outline.Top, side - 1 - outline.Bottom);
        return (outline.Map((px, py) => (px + x, py + y)), size, turns);
    }

    // Darkness of a shadow: 1 deep inside, 0 at ShadowReach outside.
    private static double Soft(double distance)
    {
        var t = Math.Clamp(0.5 - distance / (2 * ShadowReach), 0, 1);
        return t * t * (3 - 2 * t);
    }
}
