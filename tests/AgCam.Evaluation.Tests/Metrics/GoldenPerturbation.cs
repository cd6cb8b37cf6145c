using System.Text.Json;
using AgCam.Evaluation.Metrics;
using AgCam.Heatmaps;
using Xunit;
using static TorchSharp.torch;

namespace AgCam.Evaluation.Tests.Metrics;

/// <summary>The paper's perturbation test of a whole model, against numbers of an independent program.</summary>
[Trait("Category", "numerical")]
public class GoldenPerturbation
{
    [Fact]
    public void Every_probability_equals_the_golden_one()
    {
        using var expected = JsonDocument.Parse(File.ReadAllText(Fixture.Path("perturbation", "golden.json")));
        var (json, golden) = (expected.RootElement, new Golden(Fixture.Path("perturbation", "input.safetensors")));
        using var fixture = new LoadedFixture(Path.GetFileName(json.GetProperty("model").GetString()!));
        var (inputs, maps) = (golden["input"], golden["agcam"]);
        var (channels, rows, columns) = ((int)inputs.shape[1], (int)inputs.shape[2], (int)inputs.shape[3]);
        var all = new List<PerturbationCurves>();
        for (var image = 0; image < inputs.shape[0]; image++)
        {
            var label = json.GetProperty("labels")[image].GetInt32();
            var map = new Heatmap((int)maps.shape[1], (int)maps.shape[2], maps[image].contiguous().data<float>().ToArray())
                .Upsample(rows, columns)
                .Normalize();

            var curves = new Perturbation(inputs[image].contiguous().data<float>().ToArray(), channels, map).Measure(Probabilities);

            Equal(json.GetProperty("morf")[image], curves.Morf);
            Equal(json.GetProperty("lerf")[image], curves.Lerf);
            all.Add(curves);

            float[] Probabilities(float[][] pictures)
            {
                using var inference = inference_mode();
                using var scope = NewDisposeScope();
                var batch = tensor(pictures.SelectMany(p => p).ToArray()).view(pictures.Length, channels, rows, columns);
                return fixture.Model.Logits(batch).softmax(-1)[TensorIndex.Colon, label].contiguous().data<float>().ToArray();
            }
        }
        Assert.NotEmpty(all);
        Assert.Equal(json.GetProperty("auc_morf").GetDouble(), all.Average(c => c.AucMorf), 1e-4);
        Assert.Equal(json.GetProperty("auc_lerf").GetDouble(), all.Average(c => c.AucLerf), 1e-4);
        Assert.Equal(json.GetProperty("abpc").GetDouble(), all.Average(c => c.Abpc), 1e-4);
    }

    private static void Equal(JsonElement expected, IReadOnlyList<double> actual)
    {
        Assert.Equal(expected.GetArrayLength(), actual.Count);
        for (var step = 0; step < actual.Count; step++)
            Assert.Equal(expected[step].GetDouble(), actual[step], 1e-4);
    }
}
