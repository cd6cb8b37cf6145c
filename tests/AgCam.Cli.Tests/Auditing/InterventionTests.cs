using AgCam.Attribution;
using AgCam.Audit.Interventions;
using AgCam.Heatmaps;
using AgCam.Models;
using AgCam.Pipeline.Messages;
using AgCam.Preprocessing;
using AgCam.Worker.Engines;
using AgCam.Worker.Interventions;
using Xunit;

namespace AgCam.Cli.Tests.Auditing;

/// <summary>Compares interventions on a tiny random model with a calculation image by image and pixel by pixel.</summary>
public sealed class InterventionTests : IDisposable
{
    private const long Seed = 5;
    private const int Class = 2;
    private static readonly Patch[] Suspected = [new(0, 0), new(0, 3), new(3, 0), new(3, 3)];

    private readonly Explainer _explainer;
    private readonly ModelEngine _engine;
    private readonly List<(EngineInput OfClass, EngineInput Other)> _pairs;

    public InterventionTests()
    {
        using var checkpoint = Checkpoint.Open(Fixture.Path("models", "timm_vit"));
        _explainer = new Explainer(checkpoint, new ExplainerOptions { Device = "cpu" });
        _engine = new ModelEngine(_explainer, new ModelPin { Id = "tiny", Sha256 = _explainer.ModelSha256 });
        _pairs = [.. Enumerable.Range(0, 7).Select(i => (Image(i), Image(100 + i)))];
    }

    public void Dispose() => _engine.Dispose();

    [Fact]
    public void Drops_and_flips_equal_those_of_a_naive_calculation()
    {
        var @class = Predictions(_pairs.Select(pair => pair.OfClass)).GroupBy(index => index).MaxBy(group => group.Count())!.Key;
        foreach (var tested in new[] { @class, Class })
        {
            var (sums, _) = Intervention(tested, batch: 3).Measure(_pairs, cancellationToken: TestContext.Current.CancellationToken);
            var naive = _pairs.ConvertAll(pair => Naive(tested, pair.OfClass, pair.Other));
            Assert.Equal(naive.Average(outcome => outcome.Drop), sums.Erased.FirstMean().Mean, 1e-5);
            Assert.Equal(naive.Average(outcome => outcome.ControlDrop), sums.Erased.SecondMean().Mean, 1e-5);
            var counted = naive.Where(outcome => !outcome.WasClass).ToList();
            Assert.Equal(counted.Count, sums.Pasted.Images);
            Assert.Equal(counted.Count(outcome => outcome.Flips), sums.Pasted.Both + sums.Pasted.OnlyFirst);
            Assert.Equal(counted.Count(outcome => outcome.ControlFlips), sums.Pasted.Both + sums.Pasted.OnlySecond);
            Assert.NotEqual(0, sums.Erased.First);
        }
    }

    [Fact]
    public void Parts_add_up_to_the_whole()
    {
        var intervention = Intervention(Class, batch: 1); // one image at a time: no last digit depends on the batch
        var (whole, _) = intervention.Measure(_pairs, cancellationToken: TestContext.Current.CancellationToken);
        var (first, _) = intervention.Measure(_pairs[..3], cancellationToken: TestContext.Current.CancellationToken);
        var (second, _) = intervention.Measure(_pairs[3..], cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(whole, first + second);
    }

    [Fact]
    public void Examples_show_what_was_changed_and_the_images_stay_as_they_are()
    {
        var before = _pairs.ConvertAll(pair => (Digest.Of(pair.OfClass.Image.Pixels), Digest.Of(pair.Other.Image.Pixels)));
        var (_, examples) = Intervention(Class).Measure(_pairs, examples: 2, TestContext.Current.CancellationToken);
        Assert.Equal(before, _pairs.ConvertAll(pair => (Digest.Of(pair.OfClass.Image.Pixels), Digest.Of(pair.Other.Image.Pixels))));
        Assert.Equal(2, examples.Count);
        Assert.Same(_pairs[0].OfClass.Image, examples[0].Original.Image);
        Assert.NotEqual(examples[0].Original.Image.Pixels, examples[0].Erased.Image.Pixels);
        var picture = InterventionPicture.Draw(examples[0]);
        Assert.True(picture.Width > 5 * 160, $"Five panels do not fit {picture.Width} pixels.");
    }

    [Fact]
    public void Cancellation_ends_it_between_forward_passes()
    {
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => Intervention(Class).Measure(_pairs, cancellationToken: cancelled.Token));
    }

    private Intervention Intervention(int @class, int batch = 16) =>
        new(_engine, new Candidate("fixed-position", @class, Suspected), AttributionMethod.Default, Seed, batch);

    private EngineInput Image(int seed)
    {
        var picture = Some.Noise(_explainer.Preprocessing.InputWidth, _explainer.Preprocessing.InputHeight, seed);
        return new EngineInput(Digest.Of(picture.Pixels), _explainer.Prepare(picture), null!);
    }

    private IEnumerable<int> Predictions(IEnumerable<EngineInput> images) =>
        images.Select(image => Explained(image.Image, []).Predictions[0].Class);

    private Explanation Explained(PreparedImage image, IReadOnlyList<Target> targets, int? label = null) =>
        _explainer.Explain([image], [label], new ExplainOptions { Targets = targets })[0];

    private (double Drop, double ControlDrop, bool WasClass, bool Flips, bool ControlFlips) Naive(
        int @class,
        EngineInput ofClass,
        EngineInput other
    )
    {
        var explained = Explained(ofClass.Image, [Target.Parse("label", _explainer.Classes)], @class);
        var map = explained.Targets[0].Heatmap;
        var hash = InterventionImages.Hash(ofClass.Digest, Seed);
        var place = Place.OfPeak(map, Suspected);
        var control = Place.Elsewhere(place, map.Rows, map.Columns, hash);
        double Drop(IReadOnlyList<Patch> patches) =>
            explained.Probability(@class)
            - new[] { MeanColour(ofClass.Image, patches, map), OwnPatches(ofClass.Image, patches, map, hash) }.Average(image =>
                Explained(image, []).Probability(@class)
            );
        bool Flips(IReadOnlyList<Patch> patches) =>
            Explained(Changed(other.Image, patches, map, (x, y, _) => (ofClass.Image, x, y)), []).Predictions[0].Class == @class;
        return (Drop(place), Drop(control), Explained(other.Image, []).Predictions[0].Class == @class, Flips(place), Flips(control));
    }

    private static PreparedImage MeanColour(PreparedImage image, IReadOnlyList<Patch> patches, Heatmap map)
    {
        var mean = Enumerable
            .Range(0, 3)
            .Select(channel => image.Pixels.Where((_, i) => i % 3 == channel).Average(value => (double)value))
            .Select(value => (byte)Math.Floor(value + 0.5))
            .ToArray();
        var flat = image with { Pixels = [.. Enumerable.Range(0, image.Pixels.Length).Select(i => mean[i % 3])] };
        return Changed(image, patches, map, (x, y, _) => (flat, x, y));
    }

    /// <summary>Replaces each patch by one of the patches outside, drawn in the order of the patches.</summary>
    private static PreparedImage OwnPatches(PreparedImage image, IReadOnlyList<Patch> patches, Heatmap map, ulong seed)
    {
        var outside = Enumerable
            .Range(0, map.Values.Length)
            .Select(i => new Patch(i / map.Columns, i % map.Columns))
            .Except(patches)
            .ToList();
        var sources = patches.ToDictionary(
            patch => patch,
            _ => outside[(int)((UInt128)SplitMix64.Next(ref seed) * (ulong)outside.Count >> 64)]
        );
        return Changed(
            image,
            patches,
            map,
            (x, y, patch) =>
            {
                var (width, height) = (image.Width / map.Columns, image.Height / map.Rows);
                return (image, (sources[patch].Column * width) + (x % width), (sources[patch].Row * height) + (y % height));
            }
        );
    }

    private static PreparedImage Changed(
        PreparedImage image,
        IReadOnlyList<Patch> patches,
        Heatmap map,
        Func<int, int, Patch, (PreparedImage From, int X, int Y)> pixel
    )
    {
        var changed = image with { Pixels = [.. image.Pixels] };
        for (var y = 0; y < image.Height; y++)
        for (var x = 0; x < image.Width; x++)
            if (new Patch(y * map.Rows / image.Height, x * map.Columns / image.Width) is var patch && patches.Contains(patch))
                for (var channel = 0; channel < 3; channel++)
                {
                    var (from, fromX, fromY) = pixel(x, y, patch);
                    changed.Pixels[(3 * ((y * image.Width) + x)) + channel] = from.Pixels[(3 * ((fromY * image.Width) + fromX)) + channel];
                }
        return changed;
    }
}
