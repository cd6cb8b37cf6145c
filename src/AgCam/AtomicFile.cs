namespace AgCam;

/// <summary>
/// Writes a file that readers see whole or not at all: a temporary file in the same folder is flushed to disk, then renamed. Without
/// <see cref="Commit"/>, or after a crash, the file is as before.
/// </summary>
internal sealed class AtomicFile : IDisposable
{
    private readonly string _path;

    /// <summary>Creates the temporary file, and its folder when there is none.</summary>
    public AtomicFile(string path)
    {
        _path = Path.GetFullPath(path);
        var folder = Directory.CreateDirectory(Path.GetDirectoryName(_path)!).FullName;
        Temporary = Path.Combine(folder, $".{Guid.NewGuid():N}.tmp"); // a short name, because the file's own may have the maximum length
        Stream = new FileStream(Temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read, 1 << 16);
    }

    public Stream Stream { get; }

    /// <summary>Path of the temporary file.</summary>
    public string Temporary { get; }

    public static void Write(string path, ReadOnlySpan<byte> bytes)
    {
        using var file = new AtomicFile(path);
        file.Stream.Write(bytes);
        file.Commit();
    }

    /// <summary>Flushes a complete file to disk and gives it its final name.</summary>
    public static void Publish(string temporary, string path)
    {
        using (var handle = File.OpenHandle(temporary, FileMode.Open, FileAccess.ReadWrite))
            RandomAccess.FlushToDisk(handle);
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Gives the file its new content.</summary>
    public void Commit()
    {
        Stream.Dispose();
        Publish(Temporary, _path);
    }

    public void Dispose()
    {
        Stream.Dispose();
        File.Delete(Temporary);
    }
}
