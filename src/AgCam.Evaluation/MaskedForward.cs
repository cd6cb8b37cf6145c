using System.Runtime.InteropServices;
using AgCam.Evaluation.Metrics;
using AgCam.Heatmaps;
using AgCam.Models;
using static TorchSharp.torch;

namespace AgCam.Evaluation;

/// <summary>Class probabilities of images with some pixels removed.</summary>
internal sealed class MaskedForward(VisionTransformer model, int batch, Parity parity)
{
    private const int Channels = 3;

    /// <param name="pixels">Normalised, [3, H, W].</param>
    /// <param name="map">Normalised, at the same size.</param>
    public PerturbationCurves Perturbation(float[] pixels, Heatmap map, int label, Dictionary<string, double> values)
    {
        var pictures = new Perturbation(pixels, Channels, map);
        var curves = Metrics.Perturbation.Curves([
            .. Enumerable
                .Range(0, Metrics.Perturbation.Pictures)
                .Chunk(batch)
                .SelectMany(part => Probabilities(part.Length, (i, to) => pictures.Fill(part[i], to), map, label)),
        ]);
        var (morf, lerf) = parity == Parity.Paper ? (curves.AucMorf, curves.AucLerf) : (curves.AreaMorf, curves.AreaLerf);
        values["aucMorf"] = morf;
        values["aucLerf"] = lerf;
        values["abpc"] = lerf - morf;
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

    private float[] Probabilities(float[][] pictures, Heatmap map, int label) =>
        Probabilities(pictures.Length, (i, to) => pictures[i].CopyTo(to), map, label);

    /// <param name="fill">Writes the image with the given number into the model's input.</param>
    private float[] Probabilities(int count, FillPicture fill, Heatmap map, int label)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var input = empty([count, Channels, map.Rows, map.Columns], float32);
        var size = Channels * map.Rows * map.Columns;
        var at = MemoryMarshal.Cast<byte, float>(input.bytes);
        for (var i = 0; i < count; i++)
            fill(i, at.Slice(i * size, size));
        return model.Logits(input.to(model.Device)).softmax(-1).select(1, label).contiguous().cpu().data<float>().ToArray();
    }

    private delegate void FillPicture(int picture, Span<float> to);
}
