namespace AgCam.Preprocessing;

/// <summary>A resampling kernel over the distance in source pixels, symmetric and zero beyond its support.</summary>
internal readonly record struct ResamplingFilter(double Support, Func<double, double> Weight)
{
    /// <exception cref="ArgumentOutOfRangeException">The interpolation is not a convolution, such as Nearest.</exception>
    public static ResamplingFilter Of(Interpolation interpolation) =>
        interpolation switch
        {
            Interpolation.Bilinear => new(1, Triangle),
            Interpolation.Bicubic => new(2, Cubic),
            Interpolation.Lanczos => new(3, Lanczos3),
            _ => throw new ArgumentOutOfRangeException(nameof(interpolation), interpolation, "This interpolation has no kernel."),
        };

    private static double Triangle(double x) => Math.Max(0, 1 - Math.Abs(x));

    /// <summary>Keys' cubic with a = -0.5, as in Pillow. OpenCV and PyTorch without antialiasing use -0.75.</summary>
    private static double Cubic(double x)
    {
        const double A = -0.5;
        x = Math.Abs(x);
        // another order of operations rounds differently in the last bit
        return x < 1 ? (((A + 2) * x) - (A + 3)) * x * x + 1
            : x < 2 ? ((((x - 5) * x) + 8) * x - 4) * A
            : 0;
    }

    private static double Lanczos3(double x) => x is >= -3 and < 3 ? Sinc(x) * Sinc(x / 3) : 0;

    private static double Sinc(double x)
    {
        if (x == 0)
            return 1;
        x *= Math.PI;
        return Math.Sin(x) / x;
    }
}
