using AgCam.Heatmaps;
using AgCam.Metrics;
using AgCam.Models;
using static TorchSharp.torch;

namespace AgCam.Evaluation;

/// <summary>What the model says of pictures of which a part was taken away.</summary>
internal sealed class MaskedForward(VisionTransformer model, int batch)
{
    private const int Channels = 3;

    /// <param name="pixels">Normalised, [3, H, W].</param>
    /// <param name="map">At the same size, normalised.</param>
    public PerturbationCurves Perturbation(float[] pixels, Heatmap map, int label, Dictionary<string, double> values)
    {
        var curves = new Perturbation(pixels, Channels, map).Measure(pictures => Probabilities(pictures, map, label), batch);
        values["aucMorf"] = curves.AucMorf;
        values["aucLerf"] = curves.AucLerf;
        values["abpc"] = curves.Abpc;
        return curves;
    }

    /// <inheritdoc cref="Perturbation"/>
    public void Insertion(float[] pixels, Heatmap map, int label, Dictionary<string, double> values)
    {
        var curves = InsertionDeletion.Measure(pixels, Channels, map, pictures => Probabilities(pictures, map, label), batch: batch);
        values["insertion"] = curves.InsertionAuc;
        values["deletion"] = curves.DeletionAuc;
        var confidence = Probabilities([pixels, Confidence.Keep(pixels, Channels, map)], map, label);
        MapScores.Put(values, "averageDrop", Confidence.Drop(confidence[0], confidence[1]));
        values["increaseInConfidence"] = Confidence.Increase(confidence[0], confidence[1]);
    }

    private float[] Probabilities(float[][] pictures, Heatmap map, int label)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var input = empty([pictures.Length, Channels, map.Rows, map.Columns], float32);
        var at = input.data<float>();
        for (var i = 0; i < pictures.Length; i++)
            at.CopyFrom(pictures[i], 0, (long)i * pictures[i].Length);
        return model.Logits(input.to(model.Device)).softmax(-1).select(1, label).contiguous().cpu().data<float>().ToArray();
    }
}
