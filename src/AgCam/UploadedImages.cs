using AgCam.Preprocessing;
using TorchSharp;

namespace AgCam;

/// <summary>Batch of prepared images, uploaded or being uploaded to the device by <see cref="Explainer.Upload"/>.</summary>
public sealed class UploadedImages : IDisposable
{
    internal UploadedImages(torch.Tensor bytes, IReadOnlyList<InputTransform> transforms) => (Bytes, Transforms) = (bytes, transforms);

    /// <summary>[B, H, W, 3], 8-bit RGB.</summary>
    internal torch.Tensor Bytes { get; }

    internal IReadOnlyList<InputTransform> Transforms { get; }

    public void Dispose() => Bytes.Dispose();
}
