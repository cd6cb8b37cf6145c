using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace AgCam.Audit;

/// <summary>
/// Embeddings in a temporary file, as float16: the precision in which they are stored. Memory does not grow with them. The file has no name
/// once it is open, so that none is left behind.
/// </summary>
internal sealed class EmbeddingFile
{
    private const int Buffer = 1 << 20; // bytes

    private readonly FileStream _file;

    public EmbeddingFile()
    {
        var path = Path.Combine(Path.GetTempPath(), $"agcam-embeddings-{Guid.NewGuid():N}");
        _file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Delete, Buffer);
        File.Delete(path);
    }

    /// <summary>Appends an embedding.</summary>
    public StoredEmbedding Add(float[] embedding)
    {
        var place = new StoredEmbedding(this, _file.Position, embedding.Length);
        var halves = new Half[embedding.Length];
        TensorPrimitives.ConvertToHalf(embedding, halves);
        _file.Write(MemoryMarshal.AsBytes(halves.AsSpan()));
        return place;
    }

    /// <summary>Makes all embeddings readable, by any number of threads.</summary>
    public void Flush() => _file.Flush();

    public float[] Read(long start, int width)
    {
        var (halves, values) = (new Half[width], new float[width]);
        var bytes = MemoryMarshal.AsBytes(halves.AsSpan());
        for (var read = 0; read < bytes.Length; )
        {
            var count = RandomAccess.Read(_file.SafeFileHandle, bytes[read..], start + read);
            read += count > 0 ? count : throw new EndOfStreamException("The temporary file of embeddings was truncated.");
        }
        TensorPrimitives.ConvertToSingle(halves, values);
        return values;
    }
}

/// <summary>Place of an embedding in a file.</summary>
/// <param name="Start">First byte.</param>
/// <param name="Width">Number of values.</param>
internal readonly record struct StoredEmbedding(EmbeddingFile File, long Start, int Width)
{
    public float[] Read() => File.Read(Start, Width);
}
