using System.Numerics;
using static TorchSharp.torch;

namespace AgCam.Testing;

/// <summary>
/// Computes rotary positions in double: components i and i + d/2 form a complex number, which is multiplied by e^(i angle).
/// </summary>
internal static class SlowRotation
{
    /// <param name="x">[B, H, N, d], float64.</param>
    public static Tensor Of(Tensor x, int prefix, int rows, int columns)
    {
        var (tokens, d) = ((int)x.shape[2], (int)x.shape[3]);
        var values = x.contiguous().data<double>().ToArray();
        for (var vector = 0; vector < values.Length / d; vector++)
        {
            var patch = vector % tokens - prefix;
            if (patch < 0)
                continue;
            var (y, across) = (((patch / columns) + 0.5) / rows, ((patch % columns) + 0.5) / columns); // patch centre in (0, 1)
            for (var pair = 0; pair < d / 2; pair++)
            {
                var place = 2 * (pair < d / 4 ? y : across) - 1;
                var period = Math.Exp(Math.Log(100) * 4 * (pair % (d / 4)) / d);
                var at = vector * d + pair;
                var turned = new Complex(values[at], values[at + (d / 2)]) * Complex.FromPolarCoordinates(1, 2 * Math.PI * place / period);
                (values[at], values[at + (d / 2)]) = (turned.Real, turned.Imaginary);
            }
        }

        return tensor(values).view(x.shape);
    }
}
