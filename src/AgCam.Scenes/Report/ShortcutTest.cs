using AgCam.Evaluation.Metrics;
using AgCam.Heatmaps;

namespace AgCam.Scenes.Report;

/// <summary>
/// Measures whether the watermark decides the prediction, by adding and removing it, and whether the heatmap of the flipped prediction lies
/// on it.
/// </summary>
internal static class ShortcutTest
{
    // These scenes are not among those that accuracy is measured on.
    private const long First = 1_000_000;
    private const double HalfPatch = 4;
    private static readonly SceneOptions Clean = new() { Watermark = WatermarkRule.Never };
    private static readonly SceneOptions Marked = new() { Watermark = WatermarkRule.Always };

    public static ShortcutFigures Measure(Explainer explainer, SceneReportOptions options)
    {
        var others = Others(options);
        var before = Run(explainer, options, others, Clean, []);
        var after = Run(
            explainer,
            options,
            others,
            Marked,
            [Target.Predicted, Target.Parse("label", explainer.Classes), Target.Parse("predicted-vs-label", explainer.Classes)]
        );
        var pairs = before.Zip(after).Where(pair => pair.First.Explanation.Predicted() != SceneClass.Watermarked).ToList();
        var flipped = pairs
            .Where(pair => pair.Second.Explanation.Predicted() == SceneClass.Watermarked)
            .Select(pair => pair.Second)
            .ToList();

        // Scenes of its own class that are drawn with the mark, and the same scenes without it.
        var own = Indices(
            index => index % SceneClass.Count == SceneClass.Watermarked && Scene.Draw(options.Seed, index).HasWatermark,
            options.Pasted / 3
        );
        var with = Run(explainer, options, own, new SceneOptions(), []);
        var without = Run(explainer, options, own, Clean, []);
        return new ShortcutFigures(
            pairs.Count,
            Share(pairs.Select(pair => pair.Second.Explanation.Predicted() == SceneClass.Watermarked)),
            Share(pairs.Select(pair => Right(pair.First))).Mean,
            Share(pairs.Select(pair => Right(pair.Second))).Mean,
            own.Count,
            Share(with.Select(Right)).Mean,
            Share(without.Select(Right)),
            flipped.Count == 0
                ? []
                :
                [
                    Finds("AG-CAM of the flipped prediction", [.. flipped.Select(of => (of.Scene, of.Explanation.Targets[0].Heatmap))]),
                    Finds("AG-CAM of the label", [.. flipped.Select(of => (of.Scene, of.Explanation.Targets[1].Heatmap))]),
                    Finds(
                        "AG-CAM of the prediction against the label",
                        [.. flipped.Select(of => (of.Scene, of.Explanation.Targets[2].Heatmap))]
                    ),
                    Finds(
                        "attention rollout",
                        [
                            .. flipped
                                .Chunk(options.BatchSize)
                                .SelectMany(batch =>
                                    batch.Zip(SceneSet.Rollouts(explainer, [.. batch.Select(of => of.Scene)]), (of, map) => (of.Scene, map))
                                ),
                        ]
                    ),
                ]
        );
    }

    /// <summary>Returns scenes of the other classes with the watermark pasted on.</summary>
    public static IReadOnlyList<Scene> MarkedScenes(SceneReportOptions options) =>
        [.. Others(options).Select(index => Scene.Draw(options.Seed, index, Marked))];

    private static List<long> Others(SceneReportOptions options) =>
        Indices(index => index % SceneClass.Count != SceneClass.Watermarked, options.Pasted);

    private static List<long> Indices(Func<long, bool> wanted, int count) =>
        [.. Enumerable.Range(0, int.MaxValue).Select(i => First + i).Where(wanted).Take(count)];

    private static List<(Scene Scene, Explanation Explanation)> Run(
        Explainer explainer,
        SceneReportOptions options,
        List<long> indices,
        SceneOptions drawing,
        IReadOnlyList<Target> targets
    ) => [.. SceneSet.Explain(explainer, indices.Select(index => Scene.Draw(options.Seed, index, drawing)), options.BatchSize, targets)];

    private static bool Right((Scene Scene, Explanation Explanation) of) => of.Explanation.Predicted() == of.Scene.Class;

    private static Interval Share(IEnumerable<bool> hits) => Bootstrap.Default.Mean(hits.Select(hit => hit ? 1.0 : 0.0).ToArray());

    private static BoundingBox Around(BoundingBox mark) =>
        new BoundingBox(mark.X - HalfPatch, mark.Y - HalfPatch, mark.Width + 2 * HalfPatch, mark.Height + 2 * HalfPatch).Clip(
            Scene.Side,
            Scene.Side
        );

    private static MarkFigures Finds(string name, List<(Scene Scene, Heatmap Map)> flipped)
    {
        var seen = flipped
            .Where(of => !of.Map.IsFlat)
            .Select(of => (Map: of.Map.Upsample(Scene.Side, Scene.Side), Boxes: new[] { of.Scene.WatermarkBox!.Value }))
            .ToList();
        var energy = seen.Select(of => Pointing.Energy(of.Map, of.Boxes)).ToList();
        return new MarkFigures(
            name,
            seen.Count,
            Bootstrap.Default.Mean(energy.Select(e => e.Energy).ToArray()),
            Bootstrap.Default.Mean(energy.Select(e => e.Lift).ToArray()),
            Share(seen.Select(of => Pointing.Hits(of.Map, of.Boxes, HalfPatch))),
            flipped[0].Scene.WatermarkBox!.Value.Area / (Scene.Side * Scene.Side),
            seen.Average(of => Around(of.Boxes[0]).Area) / (Scene.Side * Scene.Side)
        );
    }
}
