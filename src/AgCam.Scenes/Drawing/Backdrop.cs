namespace AgCam.Scenes.Drawing;

/// <summary>Paints the background: a surface, then lines and blobs that resemble no class.</summary>
internal static class Backdrop
{
    public static void Paint(Painting painting, SceneRandom random)
    {
        var hue = random.Unit();
        var first = Colour.FromHsv(hue, random.Between(0.05, 0.6), random.Between(0.25, 0.95));
        var second = first.Towards(
            Colour.FromHsv(hue + random.Between(-0.15, 0.15), random.Between(0.05, 0.6), random.Between(0.25, 0.95)),
            0.6
        );
        Surface(painting, random, first, second);
        for (var lines = random.Below(4); lines > 0; lines--)
            Line(painting, random);
        for (var blobs = random.Below(4); blobs > 0; blobs--)
            painting.Fill(
                Blob(random, random.Between(0, painting.Side), random.Between(0, painting.Side), random.Between(2.5, 7)),
                Colour.FromHsv(hue + random.Between(-0.3, 0.3), random.Between(0.1, 0.8), random.Between(0.15, 1)),
                random.Between(0.3, 0.75)
            );
    }

    /// <summary>Returns an irregular closed curve that resembles no class.</summary>
    public static Outline Blob(SceneRandom random, double centreX, double centreY, double radius)
    {
        double a = random.Between(0.08, 0.25),
            b = random.Between(0.05, 0.15),
            phase = random.Unit(),
            other = random.Unit();
        var lobes = 2 + random.Below(2);
        return new Outline(
            Outline.Curve(
                18,
                turns =>
                {
                    var r = radius * (1 + a * Turn.Sin(lobes * turns + phase) + b * Turn.Sin((lobes + 2) * turns + other));
                    return (centreX + r * Turn.Cos(turns), centreY + r * Turn.Sin(turns));
                }
            )
        );
    }

    private static void Surface(Painting painting, SceneRandom random, Colour first, Colour second)
    {
        var turns = random.Unit();
        double cos = Turn.Cos(turns),
            sin = Turn.Sin(turns),
            middle = painting.Side / 2.0;
        var contrast = random.Between(0.25, 0.6); // patterns stay behind the object
        switch (random.Below(5))
        {
            case 0: // gradient
                painting.Each((x, y) => first.Towards(second, 0.5 + (cos * (x - middle) + sin * (y - middle)) / painting.Side * 0.7));
                break;
            case 1: // glow
                double lampX = random.Between(0, painting.Side),
                    lampY = random.Between(0, painting.Side),
                    reach = random.Between(0.5, 1.1) * painting.Side;
                painting.Each(
                    (x, y) =>
                    {
                        double dx = x - lampX,
                            dy = y - lampY;
                        return first.Towards(second, Math.Min(1, Math.Sqrt(dx * dx + dy * dy) / reach));
                    }
                );
                break;
            case 2: // clouds
                var clouds = new SmoothNoise(random.Next(), random.Between(10, 34), 0, painting.Side);
                painting.Each((x, y) => first.Towards(second, clouds.At(x, y)));
                break;
            case 3: // soft stripes
                var wave = random.Between(9, 26);
                painting.Each((x, y) => first.Towards(second, contrast * (0.5 + 0.5 * Turn.Sin((cos * x + sin * y) / wave))));
                break;
            default: // tiles
                var side = random.Between(9, 24);
                painting.Each(
                    (x, y) => first.Towards(second, contrast * 0.7 * Tile((cos * x + sin * y) / side, (cos * y - sin * x) / side, side))
                );
                break;
        }
        var grain = new SmoothNoise(random.Next(), random.Between(2, 5), 0, painting.Side);
        var amplitude = random.Between(0, 0.12);
        painting.Each(
            (x, y) =>
            {
                var speck = grain.At(x, y) - 0.5;
                return painting[x, y].Towards(speck < 0 ? Colour.Black : Colour.White, amplitude * Math.Abs(speck) * 2);
            }
        );
    }

    // Alternates between 0 and 1, with edges one pixel wide.
    private static double Tile(double u, double v, double side)
    {
        return 0.5 + 0.5 * Edge(u) * Edge(v);

        double Edge(double t) => Math.Clamp(Triangle(t) * side, -1, 1);
        static double Triangle(double t)
        {
            var phase = t / 2 - Math.Floor(t / 2);
            return phase < 0.5 ? Math.Min(phase, 0.5 - phase) * 2 : -Math.Min(phase - 0.5, 1 - phase) * 2;
        }
    }

    private static void Line(Painting painting, SceneRandom random)
    {
        double x = random.Between(0, painting.Side),
            y = random.Between(0, painting.Side),
            turns = random.Unit();
        double length = random.Between(0.3, 1.4) * painting.Side,
            thickness = random.Between(0.8, 2.4);
        var colour = Colour.FromHsv(random.Unit(), random.Between(0, 0.7), random.Between(0.1, 1));
        painting.Fill(Bar(x, y, length, thickness, turns), colour, random.Between(0.25, 0.6));
    }

    public static Outline Bar(double centreX, double centreY, double length, double thickness, double turns) =>
        new Outline([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]).Place(length, thickness, turns, centreX, centreY);
}
