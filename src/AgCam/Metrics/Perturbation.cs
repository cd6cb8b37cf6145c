using AgCam.Heatmaps;

namespace AgCam.Metrics;

/// <summary>
/// The paper's perturbation test: the class's probability after 0, 10, ... 100 % of the pixels were set to zero, the most relevant
/// first (MoRF) or
/// the least relevant first (LeRF). A faithful map makes the first curve fall early and the second late.
/// </summary>
/// <param name="Morf">11 probabilities.</param>
/// <param name="Lerf">11 probabilities.</param>
public sealed record PerturbationCurves(IReadOnlyList<double> Morf, IReadOnlyList<double> Lerf)
{
    /// <summary>The plain mean over the steps, in [0, 1]; low is good.</summary>
    public double AucMorf => Morf.Average();

    /// <summary>The plain mean over the steps, in [0, 1]; high is good.</summary>
    public double AucLerf => Lerf.Average();

    /// <summary>The area between the two curves, in [-1, 1]; high is good.</summary>
    public double Abpc => AucLerf - AucMorf;

    /// <summary>The area under <see cref="Morf"/> by the trapezoid rule, in [0, 1]; low is good.</summary>
    public double AreaMorf => Area(Morf);

    /// <summary>The area under <see cref="Lerf"/> by the trapezoid rule, in [0, 1]; high is good.</summary>
    public double AreaLerf => Area(Lerf);

    private static double Area(IReadOnlyList<double> curve) => (curve.Sum() - ((curve[0] + curve[^1]) / 2)) / (curve.Count - 1);
}

/// <summary>
/// The pictures whose probabilities the perturbation test of one image needs. The first (nothing removed) and the last (everything
/// removed) are
/// the same in both orders and are made once. Plans of several images may go through the model as one batch.
/// </summary>
public sealed class Perturbation
{
    /// <summary>0, 10, ... 100 %.</summary>
    public const int Steps = 11;

    private readonly float[] _image;
    private readonly int _channels;
    private readonly int[] _morf;
    private readonly int[] _lerf;

    /// <param name="image">[channels, rows, columns], normalised as the model takes it: zero is the mean colour.</param>
    /// <param name="map">The heatmap of the class, upsampled to the image's size and normalised.</param>
    /// <exception cref="ArgumentException">Sizes differ, or the map is flat and gives no order.</exception>
    public Perturbation(float[] image, int channels, Heatmap map)
    {
        MaskedImage.Check(image, channels, map);
        (_image, _channels) = (image, channels);
        (_morf, _lerf) = (PixelOrder.HottestFirst(map), PixelOrder.ColdestFirst(map));
    }

    /// <summary>How many pictures there are: 20.</summary>
    public const int Pictures = 2 * Steps - 2;

    /// <summary>For an image of that many pixels, how many are zero at a step: the integer part of pixels * step / 10.</summary>
    public static int Removed(int pixels, int step) => (int)((long)pixels * step / (Steps - 1));

    /// <summary>
    /// One after the other, made when asked for: the untouched picture, MoRF at 10 to 90 %, LeRF at 10 to 90 %, and the empty picture.
    /// </summary>
    public IEnumerable<float[]> Images() =>
        Enumerable
            .Range(0, Pictures)
            .Select(picture =>
            {
                var image = new float[_image.Length];
                Fill(picture, image);
                return image;
            });

    /// <summary>One of <see cref="Images"/>, written where the model will read it.</summary>
    /// <param name="to">[channels, rows, columns].</param>
    public void Fill(int picture, Span<float> to)
    {
        var (order, step) = picture < Steps - 1 ? (_morf, picture) : (_lerf, picture - (Steps - 2));
        _image.CopyTo(to);
        MaskedImage.Clear(to, _channels, order.AsSpan(0, Removed(order.Length, step)));
    }

    /// <param name="probabilities">Of the class, for the pictures in the order of <see cref="Images"/>.</param>
    public static PerturbationCurves Curves(ReadOnlySpan<float> probabilities)
    {
        if (probabilities.Length != Pictures)
            throw new ArgumentException(
                $"{Pictures} probabilities are needed, one for each picture, not {probabilities.Length}.",
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

    /// <param name="probabilities">The model: a batch of pictures [channels, rows, columns] to the class's softmax probability of
    /// each.</param>
    /// <param name="batch">Largest batch handed to the model.</param>
    public PerturbationCurves Measure(Func<float[][], float[]> probabilities, int batch = Pictures) =>
        Curves([.. Images().Chunk(batch).SelectMany(probabilities)]);
}
