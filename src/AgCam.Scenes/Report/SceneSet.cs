namespace AgCam.Scenes.Report;

/// <summary>Scenes through the model, batch by batch, with every explanation asked for.</summary>
internal static class SceneSet
{
    public static IEnumerable<(Scene Scene, Explanation Explanation)> Explain(
        Explainer explainer, IEnumerable<Scene> scenes, int batchSize, params IReadOnlyList<Target> targets)
    {
        var options = new ExplainOptions { Targets = targets };
        foreach (var batch in scenes.Chunk(batchSize))
        {
            var explanations = explainer.Explain([.. batch.Select(scene => explainer.Prepare(scene.Image))], [.. batch.Select(scene => (int?)scene.Class)], options);
            for (var i = 0; i < batch.Length; i++) yield return (batch[i], explanations[i]);
        }
    }

    public static int Predicted(this Explanation explanation) => explanation.Predictions[0].Class;
}
