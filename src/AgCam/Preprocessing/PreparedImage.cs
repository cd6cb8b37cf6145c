namespace AgCam.Preprocessing;

/// <summary>A picture at the model's input size, before normalisation.</summary>
/// <param name="Pixels">[Height, Width, 3], 8-bit RGB.</param>
/// <param name="Transform">From input pixels back to the original picture's.</param>
public sealed record PreparedImage(byte[] Pixels, int Width, int Height, InputTransform Transform);
