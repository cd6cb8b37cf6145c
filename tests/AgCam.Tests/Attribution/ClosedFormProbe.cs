using AgCam.Attribution;
using AgCam.Models;
using AgCam.Native;
using Xunit;
using static TorchSharp.torch;

namespace AgCam.Tests.Attribution;

public class ClosedFormProbe
{
    [Fact]
    public void Timm()
    {
        NativeBackend.Load();
        var weights = new Golden(Fixture.Path("models", "timm_vit", "model.safetensors"));
        var golden = new Golden(Fixture.Path("models", "timm_vit", "golden.safetensors"));
        var config = new ViTConfig { Architecture = "x", ImageHeight = 64, ImageWidth = 64, PatchSize = 16, Width = 64, Depth = 4, Heads = 4, MlpWidth = 256, Classes = 10 };
        using var model = new VisionTransformer(config, n => weights[n], CPU);
        using var mode = inference_mode();
        using var pass = model.Forward(golden["input"]);
        Assert.True((pass.Logits - golden["logits"]).abs().max().item<float>() < 1e-4);
        Assert.True((model.Logits(golden["input"]) - golden["logits"]).abs().max().item<float>() < 1e-4);
        var (maps, _) = AttentionGuidedCam.Maps(model, pass, golden["targets"]);
        Assert.Equal(0, Golden.RelativeError(maps, golden["agcam"]), 1e-6);
        using var inf = inference_mode(false);
        Assert.Equal(0, Golden.RelativeError(AttentionRollout.Maps(model, golden["input"]), golden["rollout"]), 1e-5);
        Assert.Equal(0, Golden.RelativeError(GenericAttention.Maps(model, golden["input"], golden["targets"].select(1, 0)), golden["generic_attention"]), 1e-5);
        var (p, n) = AutogradReference.Maps(model, golden["input"], l => l.gather(1, golden["targets"].narrow(1, 1, 1)).sum());
        Assert.Equal(0, Golden.RelativeError(p, golden["agcam"].select(1, 1)), 1e-5);
    }
}
