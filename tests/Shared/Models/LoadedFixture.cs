using AgCam.Models;
using static TorchSharp.torch;

namespace AgCam.Testing;

/// <summary>A model fixture opened the way a user would open it.</summary>
internal sealed class LoadedFixture : IDisposable
{
    /// <param name="change">Applied to every weight before the model takes it; null changes none.</param>
    public LoadedFixture(string name, ScalarType dtype = ScalarType.Float32, Func<Tensor, Tensor>? change = null)
    {
        var folder = Fixture.Path("models", name);
        var bare = !File.Exists(Path.Combine(folder, "config.json")); // torchvision: 64-pixel input, head dim 64
        using var checkpoint = Checkpoint.Open(
            bare ? Path.Combine(folder, "model.safetensors") : folder,
            bare
                ? new CheckpointOptions
                {
                    Architecture = "vit_b_16",
                    ImageSize = 64,
                    Heads = Width(folder) / 64,
                    Depth = Depth(folder),
                }
                : null
        );
        Model = new VisionTransformer(checkpoint.Config, Weight, CPU, dtype);
        Golden = new Golden(Path.Combine(folder, "golden.safetensors"));

        Tensor Weight(string weight)
        {
            var stored = VisionTransformer.ToTensor(checkpoint.Weights[weight]);
            return change is null ? stored : change(stored);
        }
    }

    public VisionTransformer Model { get; }

    public Golden Golden { get; }

    public void Dispose() => Model.Dispose();

    private static int Width(string folder) => (int)new Golden(Path.Combine(folder, "model.safetensors"))["class_token"].shape[2];

    private static int Depth(string folder) =>
        new Golden(Path.Combine(folder, "model.safetensors")).Names.Count(n => n.EndsWith("ln_1.weight", StringComparison.Ordinal));
}
