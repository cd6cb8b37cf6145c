using AgCam.Evaluation.Metrics;
using AgCam.Heatmaps;
using AgCam.Images;
using BenchmarkDotNet.Attributes;

namespace AgCam.Benchmarks;

/// <summary>Measures the steps after the grid for one image of 224 x 224. They must cost little compared with a forward pass.</summary>
[MemoryDiagnoser]
[ShortRunJob]
public class HeatmapBenchmarks
{
    private static readonly BoundingBox[] GroundTruth = [new(40, 50, 100, 90), new(150, 20, 50, 60)];
    private readonly ThresholdSweep _sweep = ThresholdSweep.Even(1000);
    private Heatmap _grid = null!;
    private Heatmap _smooth = null!;
    private Heatmap _noise = null!;
    private ExplanationPicture _picture = null!;
    private double[] _values = null!;

    [GlobalSetup]
    public void Setup()
    {
        var random = new Random(1);
        _grid = new Heatmap(14, 14, [.. Enumerable.Range(0, 196).Select(_ => random.NextSingle())]);
        _smooth = _grid.Upsample(224, 224).Normalize();
        _noise = new Heatmap(224, 224, [.. Enumerable.Range(0, 224 * 224).Select(_ => random.NextSingle())]);
        var pixels = new byte[500 * 375 * 3];
        random.NextBytes(pixels);
        _picture = new ExplanationPicture(new RgbImage(500, 375, pixels), _smooth, new(0, 0, 500, 375));
        _values = [.. Enumerable.Range(0, 50_000).Select(_ => random.NextDouble())];
    }

    [Benchmark]
    public Heatmap Upsample() => _grid.Upsample(224, 224);

    [Benchmark]
    public int Boxes() => _grid.Boxes(224, 224).Count;

    [Benchmark]
    public SweepCurves SweepSmooth() => _sweep.Measure(_smooth, GroundTruth);

    [Benchmark]
    public SweepCurves SweepNoise() => _sweep.Measure(_noise, GroundTruth);

    [Benchmark]
    public int[] HottestFirst() => PixelOrder.HottestFirst(_smooth);

    [Benchmark]
    public RgbImage Overlay() => _picture.Overlay();

    [Benchmark]
    public byte[] OverlayAsPng() => PngEncoder.Encode(_picture.Overlay());

    [Benchmark]
    public Interval BootstrapOf50000() => Bootstrap.Default.Mean(_values);
}
