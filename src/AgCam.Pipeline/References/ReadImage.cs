namespace AgCam.Pipeline.References;

/// <summary>Bytes of an image as read from its source.</summary>
/// <param name="Stamp">Stamp of the source when it was read. An equal stamp later means equal bytes. Null when the source has none.</param>
public sealed record ReadImage(byte[] Bytes, string? Stamp);
