using AgCam.Attribution;
using AgCam.Heatmaps;
using static TorchSharp.torch;

namespace AgCam.Scenes.Report;

/// <summary>Explains scenes batch by batch.</summary>
internal static class SceneSet
{
    public static IEnumerable<(Scene Scene, Explanation Explanation)> Explain(
        Explainer explainer,
        IEnumerable<Scene> scenes,
        int batchSize,
        params IReadOnlyList<Target> targets
    )
    {
        var options = new ExplainOptions { Targets = targets };
        foreach (var batch in scenes.Chunk(batchSize))
        {
            var explanations = explainer.Explain(
                [.. batch.Select(scene => explainer.Prepare(scene.Image))],
                [.. batch.Select(scene => (int?)scene.Class)],
                options
            );
            for (var i = 0; i < batch.Length; i++)
                yield return (batch[i], explanations[i]);
        }
    }

    /// <summary>Computes the attention rollout of each scene.</summary>
    public static Heatmap[] Rollouts(Explainer explainer, Scene[] scenes)
    {
        using var scope = NewDisposeScope();
        // [B, rows, columns]
        var maps = AttentionRollout.Maps(explainer.Model, explainer.Input([.. scenes.Select(scene => explainer.Prepare(scene.Image))]));
        var (rows, columns, values) = ((int)maps.shape[1], (int)maps.shape[2], maps.cpu().data<float>().ToArray());
        return [.. values.Chunk(rows * columns).Select(map => new Heatmap(rows, columns, map))];
    }

    public static int Predicted(this Explanation explanation) => explanation.Predictions[0].Class;
}
