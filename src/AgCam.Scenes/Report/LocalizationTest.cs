using AgCam.Evaluation.Metrics;
using AgCam.Heatmaps;

namespace AgCam.Scenes.Report;

/// <summary>
/// Measures the paper's IoU on correctly predicted scenes for AG-CAM of the predicted class, attention rollout, and a fixed centre box.
/// </summary>
internal static class LocalizationTest
{
    /// <summary>Centred box of half the picture's width and height.</summary>
    public static readonly BoundingBox CentreBox = new(Scene.Side / 4, Scene.Side / 4, Scene.Side / 2, Scene.Side / 2);

    public static LocalizationFigures Measure(Explainer explainer, SceneReportOptions options)
    {
        var rows = new List<Row>();
        var flat = 0;
        foreach (var batch in Enumerable.Range(0, options.Scenes).Select(i => Scene.Draw(options.Seed, i)).Chunk(options.BatchSize))
        {
            var rollouts = SceneSet.Rollouts(explainer, batch);
            var explained = SceneSet.Explain(explainer, batch, options.BatchSize, Target.Predicted).ToList();
            for (var i = 0; i < batch.Length; i++)
            {
                if (explained[i].Explanation.Predicted() != batch[i].Class)
                    continue;
                var map = explained[i].Explanation.Targets[0].Heatmap;
                if (map.IsFlat || rollouts[i].IsFlat)
                    flat++;
                else
                    rows.Add(
                        new Row(
                            batch[i],
                            Score(batch[i], map, options.Threshold),
                            Score(batch[i], rollouts[i], options.Threshold),
                            Iou([CentreBox], batch[i])
                        )
                    );
            }
        }
        return new LocalizationFigures(
            options.Threshold,
            flat,
            [
                Group("all scenes", rows),
                Group("scenes without the watermark", [.. rows.Where(row => !row.Scene.HasWatermark)]),
                Group("scenes with the watermark", [.. rows.Where(row => row.Scene.HasWatermark)]),
            ]
        );
    }

    private sealed record MapScore(double Iou, double Energy, bool Pointing);

    private sealed record Row(Scene Scene, MapScore Cam, MapScore Rollout, double CentreBox);

    private static MapScore Score(Scene scene, Heatmap map, double threshold)
    {
        var pixels = map.Upsample(Scene.Side, Scene.Side);
        return new MapScore(
            Iou(map.Boxes(Scene.Side, Scene.Side, threshold), scene),
            Pointing.Energy(pixels, [scene.Box]).Energy,
            Pointing.Hits(pixels, [scene.Box])
        );
    }

    private static double Iou(IEnumerable<BoundingBox> boxes, Scene scene) =>
        LocalizationScores.Paper(boxes, [scene.Box], (Scene.Side, Scene.Side), (Scene.Side, Scene.Side)).Iou;

    private static LocalizationGroup Group(string name, List<Row> rows)
    {
        if (rows.Count == 0)
            return new LocalizationGroup(name, 0, [], default, default);
        double[] Of(Func<Row, double> value) => [.. rows.Select(value)];
        Interval Mean(Func<Row, double> value) => Bootstrap.Default.Mean(Of(value));
        MethodFigures Method(string method, Func<Row, MapScore> score) =>
            new(method, Mean(row => score(row).Iou), Mean(row => score(row).Energy), Mean(row => score(row).Pointing ? 1 : 0));

        return new LocalizationGroup(
            name,
            rows.Count,
            [
                Method("AG-CAM", row => row.Cam),
                Method("attention rollout", row => row.Rollout),
                new MethodFigures("centre box", Mean(row => row.CentreBox), null, null),
            ],
            Bootstrap.Default.MeanDifference(Of(row => row.Cam.Iou), Of(row => row.Rollout.Iou)),
            Bootstrap.Default.MeanDifference(Of(row => row.Cam.Iou), Of(row => row.CentreBox))
        );
    }
}
