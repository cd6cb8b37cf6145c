namespace AgCam.Scenes.Drawing;

/// <summary>Value noise of two octaves in [0, 1]: random numbers on a lattice, smoothly interpolated.</summary>
internal sealed class SmoothNoise
{
    private readonly Octave _coarse,
        _fine;

    /// <param name="cell">Distance of the coarse lattice's points in pixels.</param>
    /// <param name="low">Lowest coordinate that is read, in both directions; <paramref name="high"/> is the highest.</param>
    public SmoothNoise(ulong key, double cell, double low, double high)
    {
        _coarse = new Octave(key, cell, 1, low, high);
        _fine = new Octave(~key, cell, 2.3, low, high);
    }

    public double At(double x, double y) => (2 * _coarse.At(x, y) + _fine.At(x, y)) / 3;

    // Hashes every lattice point once, because neighbouring pixels share them.
    private sealed class Octave
    {
        private readonly double _cell,
            _scale;
        private readonly int _first,
            _side;
        private readonly double[] _lattice;

        public Octave(ulong key, double cell, double scale, double low, double high)
        {
            (_cell, _scale) = (cell, scale);
            _first = (int)Math.Floor(scale * low / cell);
            _side = (int)Math.Floor(scale * high / cell) + 2 - _first;
            _lattice = new double[_side * _side];
            for (var j = 0; j < _side; j++)
            for (var i = 0; i < _side; i++)
                _lattice[j * _side + i] = SceneRandom.Lattice(key, _first + i, _first + j);
        }

        public double At(double x, double y)
        {
            (x, y) = (_scale * x / _cell, _scale * y / _cell);
            double left = Math.Floor(x),
                top = Math.Floor(y);
            double u = Smooth(x - left),
                v = Smooth(y - top);
            var at = ((int)top - _first) * _side + (int)left - _first;
            var upper = _lattice[at] * (1 - u) + _lattice[at + 1] * u;
            var lower = _lattice[at + _side] * (1 - u) + _lattice[at + _side + 1] * u;
            return upper * (1 - v) + lower * v;
        }

        private static double Smooth(double t) => t * t * (3 - 2 * t);
    }
}
