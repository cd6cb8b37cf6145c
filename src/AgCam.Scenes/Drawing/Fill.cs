namespace AgCam.Scenes.Drawing;

/// <summary>
/// Surface of an object: one of five textures in two colours. Coordinates are pixels from the object's centre, along its axes.
/// </summary>
internal sealed class Fill
{
    private readonly Colour _first,
        _second;
    private readonly int _texture;
    private readonly double _scale,
        _cos,
        _sin,
        _size;
    private readonly SmoothNoise _noise;

    /// <param name="behind">Mean colour behind the object, with which the fill contrasts.</param>
    /// <param name="size">Size of the object in pixels.</param>
    public Fill(SceneRandom random, Colour behind, double size)
    {
        _size = size;
        _first = Contrasting(random, behind);
        var towards = random.Chance(0.5) ? Colour.White : Colour.Black;
        _second = random.Chance(0.75) ? _first.Towards(towards, random.Between(0.15, 0.4)) : Contrasting(random, behind);
        _texture = random.Below(5);
        _scale = random.Between(4, 8);
        var turns = random.Unit();
        (_cos, _sin) = (Turn.Cos(turns), Turn.Sin(turns));
        _noise = new SmoothNoise(random.Next(), random.Between(4, 10), 200 - 1.2 * size, 200 + 1.2 * size);
    }

    public Colour Main => _first;

    public Colour At(double x, double y)
    {
        double u = _cos * x + _sin * y,
            v = _cos * y - _sin * x;
        return _texture switch
        {
            0 => _first,
            1 => _first.Towards(_second, Math.Clamp(0.5 + 1.5 * Turn.Sin(u / _scale), 0, 1)), // stripes
            2 => _first.Towards(_second, Math.Clamp(1.8 * Turn.Sin(u / _scale) * Turn.Sin(v / _scale), 0, 1)), // dots
            3 => _first.Towards(_second, Math.Clamp(0.5 + u / _size, 0, 1)), // gradient
            _ => _first.Towards(_second, Math.Clamp(2.2 * _noise.At(x + 200, y + 200) - 0.6, 0, 1)), // clouds
        };
    }

    // Returns the first of 12 random colours with enough contrast to the background, or the best of them.
    private static Colour Contrasting(SceneRandom random, Colour behind)
    {
        var best = Colour.Black;
        var contrast = -1.0;
        for (var tries = 0; tries < 12 && contrast < 0.4; tries++)
        {
            var colour = Colour.FromHsv(random.Unit(), random.Between(0.35, 1), random.Between(0.2, 1));
            if (colour.Contrast(behind) is var found && found > contrast)
                (best, contrast) = (colour, found);
        }
        return best;
    }
}
