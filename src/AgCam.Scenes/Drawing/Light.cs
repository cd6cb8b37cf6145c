namespace AgCam.Scenes.Drawing;

/// <summary>Applies light from one side, a vignette, exposure, a tint and sensor noise.</summary>
internal static class Light
{
    public static void Shine(Painting painting, SceneRandom random)
    {
        var turns = random.Unit();
        double cos = Turn.Cos(turns),
            sin = Turn.Sin(turns),
            middle = painting.Side / 2.0;
        double slope = random.Between(0, 0.2),
            vignette = random.Between(0, 0.25),
            exposure = random.Between(0.85, 1.1);
        var noise = random.Chance(0.5) ? random.Between(0, 0.035) : 0;
        var tint = Colour.White.Towards(Colour.FromHsv(random.Unit(), 1, 1), random.Between(0, 0.12));
        painting.Each(
            (x, y) =>
            {
                double u = (x + 0.5 - middle) / middle,
                    v = (y + 0.5 - middle) / middle;
                var light = exposure * (1 + slope * (cos * u + sin * v)) * (1 - vignette * (u * u + v * v) / 2);
                var c = painting[x, y];
                return new Colour(c.R * light * tint.R + Grain(), c.G * light * tint.G + Grain(), c.B * light * tint.B + Grain());
            }
        );

        // The sum of two uniform numbers approximates a normal distribution.
        double Grain() => noise > 0 ? noise * (random.Unit() + random.Unit() - 1) * 2 : 0;
    }
}
