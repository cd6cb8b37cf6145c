using AgCam.Models;
using AgCam.Scenes.Report;
using Xunit;
using static TorchSharp.torch;

namespace AgCam.Scenes.Tests;

public sealed class ReportTests
{
    [Fact]
    public void Report_shows_the_shortcut_and_a_heatmap_on_it()
    {
        var figures = SceneReport.Measure(
            new SceneReportOptions
            {
                Scenes = 100,
                Pasted = 60,
                Seed = 78,
            },
            _ => { }
        );
        var shortcut = figures.Shortcut;
        Assert.InRange(figures.Accuracy.Share, 0.9, 1);
        Assert.True(shortcut.Flipped.Mean > 0.85, $"{shortcut.Flipped} flipped");
        Assert.True(
            shortcut.RightMarked > 0.9 && shortcut.RightUnmarked.Mean < 0.3,
            $"{shortcut.RightMarked} with the mark, {shortcut.RightUnmarked} without"
        );
        var cam = shortcut.Heatmaps[0];
        Assert.True(cam.Pointing.Low > 5 * cam.PointingChance, $"points at the mark in {cam.Pointing}, by chance {cam.PointingChance}");
        Assert.True(figures.Knockout.BlindClassToken < 0.2 && figures.Knockout.BlindPatches > 0.8, $"{figures.Knockout}");
        Assert.Equal(1, figures.Knockout.Blocks.Sum(block => block.Mass), 1e-4);
        var clean = figures.Localization.Groups.Single(group => group.Name == "scenes without the watermark");
        Assert.True(clean.OverCentreBox.Low > 0, $"AG-CAM over a centre box: {clean.OverCentreBox}");
    }

    [Fact]
    public void Model_exported_for_masking_equals_the_model()
    {
        using var checkpoint = Checkpoint.Open(Shipped.Model);
        using var explainer = new Explainer(checkpoint, new ExplainerOptions { Device = "cpu" });
        using var model = new MaskedForward(checkpoint);
        using var scope = NewDisposeScope();
        using var still = no_grad();
        var prepared = Enumerable.Range(0, 5).Select(i => explainer.Prepare(Scene.Draw(79, i).Image)).ToArray();
        var logits = model.Run(explainer.Input(prepared), null).Logits.data<float>().ToArray();
        var expected = explainer
            .Explain(prepared, new int?[5], new ExplainOptions { Targets = [] })
            .SelectMany(explanation => explanation.Logits)
            .ToArray();
        Assert.All(expected.Zip(logits), pair => Assert.Equal(pair.First, pair.Second, 1e-3f));
    }

    [Fact]
    public void Model_of_other_classes_is_refused() =>
        Assert.Contains(
            "classes of the scenes",
            Assert
                .Throws<ModelException>(() =>
                    SceneReport.Measure(new SceneReportOptions { Model = Repository.Model("timm_vit_patch8_96") }, _ => { })
                )
                .Message,
            StringComparison.Ordinal
        );
}
