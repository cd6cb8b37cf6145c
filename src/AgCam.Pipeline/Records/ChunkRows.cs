using System.IO.Compression;
using System.Text;

namespace AgCam.Pipeline.Records;

/// <summary>What an evaluation measured of one chunk: lines of a file of rows, in the order of its images.</summary>
/// <param name="Chunk">The chunk's number.</param>
/// <param name="Header">The line that says how they were measured; null where nothing was, because the chunk was given up.</param>
/// <param name="Lines">The rows' lines, each with its line end: UTF-8, gzip.</param>
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

    /// <summary>The lines as they were.</summary>
    public void WriteTo(Stream stream)
    {
        using var gzip = new GZipStream(new MemoryStream(Lines, writable: false), CompressionMode.Decompress);
        gzip.CopyTo(stream);
    }
}
