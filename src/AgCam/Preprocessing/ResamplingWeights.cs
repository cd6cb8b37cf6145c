namespace AgCam.Preprocessing;

/// <summary>
/// Source pixels and weights of each output pixel along one axis. Weights sum to about 1, in units of 2^-22. The kernel widens by the scale
/// when shrinking, which gives antialiasing.
/// </summary>
internal sealed class ResamplingWeights
{
    /// <summary>8 bits of pixel and 2 bits of headroom for overshoot leave 22 bits of a 32-bit accumulator.</summary>
    public const int FractionBits = 32 - 8 - 2;

    private readonly int[] _starts;
    private readonly int[] _counts;
    private readonly int[] _weights;
    private readonly int _stride;

    private ResamplingWeights(int[] starts, int[] counts, int[] weights, int stride) =>
        (_starts, _counts, _weights, _stride) = (starts, counts, weights, stride);

    /// <summary>Returns the first source pixel of an output pixel.</summary>
    public int Start(int output) => _starts[output];

    public ReadOnlySpan<int> Weights(int output) => _weights.AsSpan(output * _stride, _counts[output]);

    /// <summary>Returns the source pixels that the outputs need: [First, End).</summary>
    public (int First, int End) Needed()
    {
        // starts and ends of the kernel only increase
        int last = _starts.Length - 1;
        return (_starts[0], _starts[last] + _counts[last]);
    }

    /// <param name="from">Length of the source axis.</param>
    /// <param name="to">Length of the whole resized axis.</param>
    /// <param name="first">First needed output pixel.</param>
    /// <param name="count">Number of needed output pixels: index 0 is output pixel <paramref name="first"/>.</param>
    public static ResamplingWeights Compute(int from, long to, long first, int count, ResamplingFilter filter)
    {
        double scale = (double)from / to;
        double widening = Math.Max(1, scale);
        double support = filter.Support * widening;
        double narrowing = 1 / widening;
        int stride = ((int)Math.Ceiling(support) * 2) + 1;

        var starts = new int[count];
        var counts = new int[count];
        var weights = new int[checked(count * stride)];
        var kernel = new double[stride];
        for (int i = 0; i < count; i++)
        {
            double centre = (first + i + 0.5) * scale;
            int start = Math.Max(0, (int)(centre - support + 0.5));
            int taps = Math.Min(from, (int)(centre + support + 0.5)) - start;
            double sum = 0;
            for (int k = 0; k < taps; k++)
                sum += kernel[k] = filter.Weight((k + start - centre + 0.5) * narrowing);
            for (int k = 0; k < taps; k++)
                weights[(i * stride) + k] = ToFixed(sum == 0 ? kernel[k] : kernel[k] / sum);
            (starts[i], counts[i]) = (start, taps);
        }
        return new ResamplingWeights(starts, counts, weights, stride);
    }

    private static int ToFixed(double weight) => (int)((weight < 0 ? -0.5 : 0.5) + (weight * (1 << FractionBits)));
}
