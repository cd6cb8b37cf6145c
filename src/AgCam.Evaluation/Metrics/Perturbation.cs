using AgCam.Heatmaps;

namespace AgCam.Evaluation.Metrics;

/// <summary>
/// The paper's perturbation test: the class probability after 0, 10, ... 100 % of the pixels are set to zero. MoRF removes the most
/// relevant pixels first, LeRF the least relevant. A faithful map makes MoRF fall early and LeRF fall late.
/// </summary>
/// <param name="Morf">11 probabilities.</param>
/// <param name="Lerf">11 probabilities.</param>
public sealed record PerturbationCurves(IReadOnlyList<double> Morf, IReadOnlyList<double> Lerf)
{
    /// <summary>Mean of <see cref="Morf"/> over the steps, in [0, 1]; low is good.</summary>
    public double AucMorf => Morf.Average();

    /// <summary>Mean of <see cref="Lerf"/> over the steps, in [0, 1]; high is good.</summary>
    public double AucLerf => Lerf.Average();

    /// <summary>Area between the two curves, in [-1, 1]; high is good.</summary>
    public double Abpc => AucLerf - AucMorf;

    /// <summary>Area under <see cref="Morf"/> by the trapezoid rule, in [0, 1]; low is good.</summary>
    public double AreaMorf => Area(Morf);

    /// <summary>Area under <see cref="Lerf"/> by the trapezoid rule, in [0, 1]; high is good.</summary>
    public double AreaLerf => Area(Lerf);

    private static double Area(IReadOnlyList<double> curve) => (curve.Sum() - ((curve[0] + curve[^1]) / 2)) / (curve.Count - 1);
}

/// <summary>
/// Images of the perturbation test of one image. Both orders share the first (nothing removed) and the last (everything removed). The
/// images of several tests may form one batch.
/// </summary>
public sealed class Perturbation
{
    /// <summary>Number of steps: 0, 10, ... 100 %.</summary>
    public const int Steps = 11;

    private readonly float[] _image;
    private readonly int _channels;
    private readonly int[] _morf;
    private readonly int[] _lerf;

    /// <param name="image">[channels, rows, columns], normalised as the model's input: zero is the mean colour.</param>
    /// <param name="map">Heatmap of the class, normalised and upsampled to the image's size.</param>
    /// <exception cref="ArgumentException">The sizes differ, or the map is flat and so gives no order.</exception>
    public Perturbation(float[] image, int channels, Heatmap map)
    {
        MaskedImage.Check(image, channels, map);
        (_image, _channels) = (image, channels);
        (_morf, _lerf) = (PixelOrder.HottestFirst(map), PixelOrder.ColdestFirst(map));
    }

    /// <summary>Number of images: 20.</summary>
    public const int Pictures = 2 * Steps - 2;

    /// <summary>Returns the number of removed pixels at a step: the integer part of pixels * step / 10.</summary>
    public static int Removed(int pixels, int step) => (int)((long)pixels * step / (Steps - 1));

    /// <summary>Creates the images lazily: the original, MoRF at 10 to 90 %, LeRF at 10 to 90 %, and the empty image.</summary>
    public IEnumerable<float[]> Images() =>
        Enumerable
            .Range(0, Pictures)
            .Select(picture =>
            {
                var image = new float[_image.Length];
                Fill(picture, image);
                return image;
            });

    /// <summary>Writes one of <see cref="Images"/> into the model's input.</summary>
    /// <param name="to">[channels, rows, columns].</param>
    public void Fill(int picture, Span<float> to)
    {
        var (order, step) = picture < Steps - 1 ? (_morf, picture) : (_lerf, picture - (Steps - 2));
        _image.CopyTo(to);
        MaskedImage.Clear(to, _channels, order.AsSpan(0, Removed(order.Length, step)));
    }

    /// <param name="probabilities">Class probabilities in the order of <see cref="Images"/>.</param>
    public static PerturbationCurves Curves(ReadOnlySpan<float> probabilities)
    {
        if (probabilities.Length != Pictures)
            throw new ArgumentException(
                $"{Pictures} probabilities are needed, one per image, not {probabilities.Length}.",
                nameof(probabilities)
            );
        var (morf, lerf) = (new double[Steps], new double[Steps]);
        for (var step = 0; step < Steps; step++)
        {
            morf[step] = probabilities[step == Steps - 1 ? Pictures - 1 : step];
            lerf[step] = probabilities[step == 0 ? 0 : Steps - 2 + step];
        }
        return new PerturbationCurves(morf, lerf);
    }

    /// <param name="probabilities">Model: maps a batch of images [channels, rows, columns] to the softmax probability of the class for
    /// each.</param>
    /// <param name="batch">Maximum number of images per call of the model.</param>
    public PerturbationCurves Measure(Func<float[][], float[]> probabilities, int batch = Pictures) =>
        Curves([.. Images().Chunk(batch).SelectMany(probabilities)]);
}
