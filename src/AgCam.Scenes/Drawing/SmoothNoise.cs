namespace AgCam.Scenes.Drawing;

/// <summary>Value noise: random numbers on a lattice, smoothly interpolated, two octaves. In [0, 1].</summary>
internal readonly struct SmoothNoise(ulong key, double cell)
{
    public double At(double x, double y) => (2 * Octave(key, x / cell, y / cell) + Octave(~key, 2.3 * x / cell, 2.3 * y / cell)) / 3;

    private static double Octave(ulong key, double x, double y)
    {
        double left = Math.Floor(x), top = Math.Floor(y);
        double u = Smooth(x - left), v = Smooth(y - top);
        int i = (int)left, j = (int)top;
        var upper = SceneRandom.Lattice(key, i, j) * (1 - u) + SceneRandom.Lattice(key, i + 1, j) * u;
        var lower = SceneRandom.Lattice(key, i, j + 1) * (1 - u) + SceneRandom.Lattice(key, i + 1, j + 1) * u;
        return upper * (1 - v) + lower * v;
    }

    private static double Smooth(double t) => t * t * (3 - 2 * t);
}
