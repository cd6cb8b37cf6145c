using static TorchSharp.torch;

namespace AgCam.Models;

/// <summary>
/// Applies DINOv3's rotary positions. Queries and keys are rotated by angles of the patch's row and column, so that a score depends on the
/// distance of two patches. Components i and i + d/2 of a head rotate together: the first d/4 pairs by the row's angles, the next d/4 by
/// the column's.
/// </summary>
/// <param name="Cosines">[N, d/2], float32; prefix tokens have angle 0.</param>
/// <param name="Sines">[N, d/2], float32.</param>
internal sealed record RotaryPositions(Tensor Cosines, Tensor Sines)
{
    /// <param name="config">Configuration with <see cref="ViTConfig.RotaryTemperature"/> and the requested grid.</param>
    public static RotaryPositions For(ViTConfig config, Device device)
    {
        var angles = Angles(config);
        Tensor On(Func<double, double> of) =>
            tensor(Array.ConvertAll(angles, angle => (float)of(angle)), [config.Tokens, config.HeadWidth / 2]).to(device);
        return new RotaryPositions(On(Math.Cos), On(Math.Sin));
    }

    /// <summary>
    /// Rotates queries or keys of the tokens from <paramref name="first"/> on. Computes in float32 for every dtype, as timm does.
    /// </summary>
    /// <param name="x">[B, H, n, d]</param>
    public Tensor Rotate(Tensor x, int first = 0)
    {
        var half = x.shape[^1] / 2;
        var (cosines, sines) = (Cosines.narrow(0, first, x.shape[2]), Sines.narrow(0, first, x.shape[2])); // [n, d/2]
        var (left, right) = (x.narrow(-1, 0, half).to(float32), x.narrow(-1, half, half).to(float32));
        return cat([left * cosines - right * sines, (right * cosines).Plus(left * sines)], -1).to(x.dtype);
    }

    // [N, d/2], row-major. A patch's centre is in [-1, 1]; periods grow from 1 towards the temperature.
    private static double[] Angles(ViTConfig config)
    {
        var quarter = config.HeadWidth / 4;
        var angles = new double[config.Tokens * 2 * quarter]; // 0 for the prefix
        for (var row = 0; row < config.GridRows; row++)
        for (var column = 0; column < config.GridColumns; column++)
        {
            var token = angles.AsSpan((config.PrefixTokens + row * config.GridColumns + column) * 2 * quarter, 2 * quarter);
            for (var i = 0; i < quarter; i++)
            {
                var period = Math.Pow(config.RotaryTemperature!.Value, (double)i / quarter);
                token[i] = 2 * Math.PI * Centre(row, config.GridRows) / period;
                token[quarter + i] = 2 * Math.PI * Centre(column, config.GridColumns) / period;
            }
        }
        return angles;

        static double Centre(int index, int count) => 2 * (index + 0.5) / count - 1;
    }
}
