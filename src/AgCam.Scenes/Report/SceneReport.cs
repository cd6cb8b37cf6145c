using AgCam.Models;

namespace AgCam.Scenes.Report;

/// <summary>
/// Measures a model of the scenes: accuracy, the effect of the watermark, whether heatmaps show it, and localisation of the objects.
/// </summary>
public static class SceneReport
{
    /// <summary>Measures a model.</summary>
    /// <param name="log">Receives one line of text at a time.</param>
    /// <exception cref="ModelException">The folder has no usable model of the scenes.</exception>
    public static SceneFigures Measure(SceneReportOptions options, Action<string> log)
    {
        using var checkpoint = Checkpoint.Open(options.Model);
        using var explainer = new Explainer(checkpoint);
        Require(explainer, options.Model);
        var accuracy = AccuracyTest.Measure(explainer, options);
        log($"accuracy on {accuracy.Scenes:N0} scenes: {accuracy.Share:P2}");
        var shortcut = ShortcutTest.Measure(explainer, options);
        log($"the pasted watermark flips {shortcut.Flipped.Mean:P1} of {shortcut.Pasted:N0} predictions");
        var knockout = KnockoutTest.Measure(checkpoint, explainer, ShortcutTest.MarkedScenes(options));
        var localization = LocalizationTest.Measure(explainer, options);
        return new SceneFigures(options, accuracy, shortcut, knockout, localization);
    }

    private static void Require(Explainer explainer, string folder)
    {
        if (!Enumerable.Range(0, explainer.Config.Classes).Select(i => explainer.Classes[i]).SequenceEqual(SceneClass.Names))
            throw new ModelException(
                ModelFailure.BadConfiguration,
                $"{folder} does not predict the classes of the scenes ({string.Join(", ", SceneClass.Names)}). Give the folder "
                    + $"of a model that `agcam scenes train` wrote."
            );
    }
}
