using System.Runtime.InteropServices;
using AgCam.Models;
using AgCam.Models.Safetensors;
using AgCam.Native;
using Xunit;
using static TorchSharp.torch;

namespace AgCam.Cli.Tests;

/// <summary>Inspects, verifies and explains a small DINOv3 with random weights.</summary>
[Trait("Category", "numerical")]
public class DinoV3Tests
{
    static DinoV3Tests() => NativeBackend.Load();

    [Fact]
    public void Command_inspects_verifies_and_explains_the_model()
    {
        using var scope = NewDisposeScope();
        using var some = new SomeDinoV3();
        var shown = Agcam.Run("models", "inspect", some.Path, "--json").Rows.Single();
        Assert.Equal(
            ("agcam-pooled", 100),
            (shown.GetProperty("method").GetString(), shown.GetProperty("config").GetProperty("rotaryTemperature").GetInt32())
        );
        Assert.Contains(
            "agcam-pooled: the classifier averages the patches",
            Agcam.Run("models", "inspect", some.Path).Output,
            StringComparison.Ordinal
        );

        WriteReference(some);
        var verified = Agcam.Run("models", "verify", some.Path, "--against", some["reference.safetensors"], "--json").Rows.Single();
        Assert.True(verified.GetProperty("agrees").GetBoolean());
        Assert.Equal(
            ["logits", "maps"],
            verified.GetProperty("stages").EnumerateArray().Select(stage => stage.GetProperty("name").GetString())
        );

        using var pictures = SomeImages.Folder(2);
        Assert.Equal(2, Agcam.Run("explain", pictures.Path, "--model", some.Path, "--json").Code);
        var rows = Agcam.Run("explain", pictures.Path, "--model", some.Path, "--method", "agcam-pooled", "--json", "-q").Rows.ToList();
        Assert.All(rows, row => Assert.True(row.GetProperty("explanations")[0].GetProperty("max").GetDouble() > 0));
        Assert.Equal(2, rows.Count);
    }

    /// <summary>Writes a reference: logits of the independent model and maps by autograd.</summary>
    private static void WriteReference(SomeDinoV3 some)
    {
        using var checkpoint = some.Open();
        using var model = VisionTransformer.Load(checkpoint, CPU);
        var input = randn([1, 3, 48, 64], generator: new Generator(5));
        var maps = AutogradReference.Maps(model, input, logits => logits.select(1, 2).sum()).Positive;
        static WeightTensor Floats(Tensor t) => MemoryTensor.FromFloat32(t.shape, t.to(float32).contiguous().data<float>().ToArray());
        SafetensorsWriter.Write(
            some["reference.safetensors"],
            new Dictionary<string, WeightTensor>
            {
                ["input"] = Floats(input),
                ["logits"] = Floats(some.Logits(input)),
                ["targets"] = new MemoryTensor(DType.I64, [1, 1], MemoryMarshal.AsBytes<long>([2L]).ToArray()),
                ["agcam_pooled"] = Floats(maps.unsqueeze(1)),
            }
        );
    }
}
