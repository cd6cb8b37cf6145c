using System.IO.Compression;
using System.Text;

namespace AgCam.Pipeline.Records;

/// <summary>Result of an evaluation for one chunk: lines of a rows file, in the order of the images.</summary>
/// <param name="Chunk">Number of the chunk.</param>
/// <param name="Header">Header line that describes the measurement. Null when nothing was measured because the chunk failed.</param>
/// <param name="Lines">Rows, one per line with line end: UTF-8, gzip.</param>
public sealed record ChunkRows(int Chunk, string? Header, byte[] Lines)
{
    public static ChunkRows Of(int chunk, string? header, IEnumerable<string> lines)
    {
        using var bytes = new MemoryStream();
        using (var gzip = new GZipStream(bytes, CompressionLevel.Optimal))
        using (var writer = new StreamWriter(gzip, new UTF8Encoding(false)) { NewLine = "\n" })
            foreach (var line in lines)
                writer.WriteLine(line);
        return new ChunkRows(chunk, header, bytes.ToArray());
    }

    /// <summary>Writes the decompressed lines.</summary>
    public void WriteTo(Stream stream)
    {
        using var gzip = new GZipStream(new MemoryStream(Lines, writable: false), CompressionMode.Decompress);
        gzip.CopyTo(stream);
    }
}
