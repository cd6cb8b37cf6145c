using static TorchSharp.torch;

namespace AgCam.Models;

/// <summary>
/// DINOv3's rotary positions: no embedding is added to the patches; their queries and keys are turned by angles that follow from the
/// patch's place, so that a score depends on how far
/// two patches lie apart. Component i of a head is turned with component i + d/2: a quarter of the d components with the row's angles,
/// a quarter with the column's.
/// </summary>
/// <param name="Cosines">[N, d/2], float32; prefix tokens are not turned.</param>
/// <param name="Sines">[N, d/2], float32.</param>
internal sealed record RotaryPositions(Tensor Cosines, Tensor Sines)
{
    /// <param name="config">With <see cref="ViTConfig.RotaryTemperature"/>, and the grid that is asked for.</param>
    public static RotaryPositions For(ViTConfig config, Device device)
    {
        var angles = Angles(config);
        Tensor On(Func<double, double> of) =>
            tensor(Array.ConvertAll(angles, angle => (float)of(angle)), [config.Tokens, config.HeadWidth / 2]).to(device);
        return new RotaryPositions(On(Math.Cos), On(Math.Sin));
    }

    /// <summary>
    /// Turns queries or keys of the tokens from <paramref name="first"/> on. In float32 whatever the model computes in, as timm does.
    /// </summary>
    /// <param name="x">[B, H, n, d]</param>
    public Tensor Turn(Tensor x, int first = 0)
    {
        var half = x.shape[^1] / 2;
        var (cosines, sines) = (Cosines.narrow(0, first, x.shape[2]), Sines.narrow(0, first, x.shape[2])); // [n, d/2]
        var (left, right) = (x.narrow(-1, 0, half).to(float32), x.narrow(-1, half, half).to(float32));
        return cat([left * cosines - right * sines, (right * cosines).Plus(left * sines)], -1).to(x.dtype);
    }

    // [N, d/2], row-major. A patch's centre lies in [-1, 1]; the periods grow from 1 towards the temperature.
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

        static double Centre(int place, int places) => 2 * (place + 0.5) / places - 1;
    }
}
