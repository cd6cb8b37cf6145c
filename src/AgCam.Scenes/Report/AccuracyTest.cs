namespace AgCam.Scenes.Report;

/// <summary>Measures accuracy on fresh scenes, drawn like the training scenes.</summary>
internal static class AccuracyTest
{
    public static AccuracyFigures Measure(Explainer explainer, SceneReportOptions options)
    {
        var right = new int[SceneClass.Count];
        var all = new int[SceneClass.Count];
        var scenes = Enumerable.Range(0, options.Scenes).Select(i => Scene.Draw(options.Seed, i));
        foreach (var (scene, explanation) in SceneSet.Explain(explainer, scenes, options.BatchSize))
        {
            all[scene.Class]++;
            if (explanation.Predicted() == scene.Class)
                right[scene.Class]++;
        }
        return new AccuracyFigures(
            options.Scenes,
            (double)right.Sum() / all.Sum(),
            [.. SceneClass.Names.Select((name, i) => (name, (double)right[i] / all[i]))]
        );
    }
}
