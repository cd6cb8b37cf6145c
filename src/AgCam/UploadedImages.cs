using AgCam.Preprocessing;
using TorchSharp;

namespace AgCam;

/// <summary>A batch of prepared images on its way to the device, or there: see <see cref="Explainer.Upload"/>.</summary>
public sealed class UploadedImages : IDisposable
{
    internal UploadedImages(torch.Tensor bytes, IReadOnlyList<InputTransform> transforms) => (Bytes, Transforms) = (bytes, transforms);

    /// <summary>[B, H, W, 3], 8-bit RGB.</summary>
    internal torch.Tensor Bytes { get; }

    internal IReadOnlyList<InputTransform> Transforms { get; }

    public void Dispose() => Bytes.Dispose();
}
