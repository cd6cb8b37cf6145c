using AgCam.Attribution;
using AgCam.Audit.Interventions;
using AgCam.Heatmaps;
using AgCam.Preprocessing;
using AgCam.Worker.Engines;

namespace AgCam.Worker.Interventions;

/// <summary>
/// Tests a candidate on the model: erases the suspected patches on images of the class, pastes them into images of other classes, and does
/// the same at random places. It changes the model's input, after resizing and cropping.
/// </summary>
/// <param name="method">Attribution method that locates the mark of each image.</param>
/// <param name="seed">Determines the random places and patches, together with the images.</param>
/// <param name="batch">Maximum number of images in a forward pass.</param>
public sealed class Intervention(IExplainEngine engine, Candidate candidate, AttributionMethod method, long seed, int batch = 16)
{
    private readonly ExplainOptions _predicting = Options(method, []);
    private readonly ExplainOptions _explaining = Options(method, [Target.Parse("label", engine.Classes)]);

    /// <summary>
    /// Measures pairs of an image of the class and one of another class. An image that the model already predicts as the class is not
    /// pasted into. The sums of several calls add up to those of one.
    /// </summary>
    /// <param name="examples">Number of pairs whose pictures are returned, from the first.</param>
    public (InterventionSums Sums, IReadOnlyList<InterventionExample> Examples) Measure(
        IReadOnlyList<(EngineInput OfClass, EngineInput Other)> pairs,
        int examples = 0,
        CancellationToken cancellationToken = default
    )
    {
        var (sums, shown) = (new InterventionSums(), new List<InterventionExample>());
        foreach (var part in pairs.Chunk(batch))
        {
            var explanations = Explain([.. part.Select(pair => pair.OfClass)], _explaining);
            var others = Explain([.. part.Select(pair => pair.Other)], _predicting);
            cancellationToken.ThrowIfCancellationRequested();
            var edits = part.Select((pair, i) => Edit(pair.OfClass, pair.Other, explanations[i].Targets[0].Heatmap)).ToList();
            var edited = new List<Explanation>();
            foreach (var images in edits.SelectMany(edit => edit.All).Chunk(batch))
            {
                edited.AddRange(Explain(images, _predicting));
                cancellationToken.ThrowIfCancellationRequested();
            }
            for (var i = 0; i < part.Length; i++)
            {
                var measured = new Measured(explanations[i], others[i], edited.GetRange(i * Edits.Count, Edits.Count));
                sums += measured.Sums(candidate.Class);
                if (shown.Count < examples)
                    shown.Add(Example(part[i].OfClass, part[i].Other, edits[i], measured));
            }
        }
        return (sums, shown);
    }

    private static ExplainOptions Options(AttributionMethod method, IReadOnlyList<Target> targets) =>
        new()
        {
            Targets = targets,
            Method = method,
            WithBoxes = false,
            WithEmbedding = false,
        };

    private IReadOnlyList<Explanation> Explain(IReadOnlyList<EngineInput> images, ExplainOptions options) =>
        engine.Explain(images, [.. images.Select(_ => (int?)candidate.Class)], options);

    private Edits Edit(EngineInput ofClass, EngineInput other, Heatmap map)
    {
        var hash = InterventionImages.Hash(ofClass.Digest, seed);
        var place = Place.OfPeak(map, candidate.Patches);
        var elsewhere = Place.Elsewhere(place, map.Rows, map.Columns, hash);
        var grid = new PatchGrid(map.Rows, map.Columns);
        var (image, into) = (ofClass.Image, other.Image);
        return new Edits(
            ofClass with
            {
                Image = grid.Filled(image, place),
            },
            ofClass with
            {
                Image = grid.Shuffled(image, place, hash),
            },
            ofClass with
            {
                Image = grid.Filled(image, elsewhere),
            },
            ofClass with
            {
                Image = grid.Shuffled(image, elsewhere, hash),
            },
            other with
            {
                Image = grid.Pasted(image, into, place),
            },
            other with
            {
                Image = grid.Pasted(image, into, elsewhere),
            }
        );
    }

    private static InterventionExample Example(EngineInput ofClass, EngineInput other, Edits edits, Measured measured) =>
        new(
            new ShownImage(ofClass.Image, measured.OfClass.Predictions[0]),
            measured.OfClass.Targets[0].Heatmap,
            new ShownImage(edits.Filled.Image, measured.Edited[0].Predictions[0]),
            new ShownImage(other.Image, measured.Other.Predictions[0]),
            new ShownImage(edits.Pasted.Image, measured.Edited[4].Predictions[0])
        );

    /// <summary>Changed images of a pair: erased by either fill, and pasted, each at the place and elsewhere.</summary>
    private sealed record Edits(
        EngineInput Filled,
        EngineInput Shuffled,
        EngineInput FilledElsewhere,
        EngineInput ShuffledElsewhere,
        EngineInput Pasted,
        EngineInput PastedElsewhere
    )
    {
        public const int Count = 6;

        public IReadOnlyList<EngineInput> All => [Filled, Shuffled, FilledElsewhere, ShuffledElsewhere, Pasted, PastedElsewhere];
    }

    /// <param name="Edited">In the order of <see cref="Edits.All"/>.</param>
    private sealed record Measured(Explanation OfClass, Explanation Other, IReadOnlyList<Explanation> Edited)
    {
        public InterventionSums Sums(int @class)
        {
            var before = OfClass.Probability(@class);
            double Drop(int first) => before - ((Edited[first].Probability(@class) + Edited[first + 1].Probability(@class)) / 2);
            bool Flips(int edited) => Edited[edited].Predictions[0].Class == @class;
            return new InterventionSums
            {
                Erased = PairedMeans.Of(Drop(0), Drop(2)),
                Pasted = Other.Predictions[0].Class == @class ? new PairedCounts() : PairedCounts.Of(Flips(4), Flips(5)),
            };
        }
    }
}

/// <summary>Images of one pair before and after, with the model's predictions.</summary>
/// <param name="Map">Raw map of the class on the original.</param>
public sealed record InterventionExample(ShownImage Original, Heatmap Map, ShownImage Erased, ShownImage Other, ShownImage Pasted);

/// <summary>An image at the model's input size, with its prediction.</summary>
public readonly record struct ShownImage(PreparedImage Image, Prediction Prediction);
