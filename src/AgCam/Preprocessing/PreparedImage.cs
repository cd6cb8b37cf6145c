namespace AgCam.Preprocessing;

/// <summary>An image at the model's input size, before normalisation.</summary>
/// <param name="Pixels">[Height, Width, 3], 8-bit RGB.</param>
/// <param name="Transform">Maps input pixels to original pixels.</param>
public sealed record PreparedImage(byte[] Pixels, int Width, int Height, InputTransform Transform);
