namespace AgCam.Pipeline.References;

/// <summary>An image's bytes as they were read.</summary>
/// <param name="Stamp">The source's state when they were: the same stamp later means the same bytes. Null where nothing tells.</param>
public sealed record ReadImage(byte[] Bytes, string? Stamp);
