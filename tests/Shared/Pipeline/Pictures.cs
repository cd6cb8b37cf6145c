using System.Text;

namespace AgCam.Testing;

/// <summary>Folder of tiny files with a picture's header and unique bytes, enough for the null engine.</summary>
internal sealed class Pictures : IDisposable
{
    public Pictures(int count, int broken = 0)
    {
        Directory.CreateDirectory(Folder);
        for (var i = 0; i < count; i++)
        {
            File.WriteAllBytes(
                PathOf(i),
                i < broken
                    ? "no picture"u8.ToArray()
                    : [0x89, (byte)'P', (byte)'N', (byte)'G', .. Encoding.ASCII.GetBytes($"{i} {new string('x', 200)}")]
            );
            File.SetLastWriteTimeUtc(PathOf(i), Written);
        }
    }

    /// <summary>Sets the write time to the past: a recently written file has no stamp.</summary>
    public static DateTime Written { get; } = DateTime.UtcNow.AddHours(-1);

    public string Folder { get; } = Path.Combine(Path.GetTempPath(), "agcam-tests", Guid.NewGuid().ToString("N"));

    public string Database => Path.Combine(Folder, "store", "agcam.db");

    public string PathOf(int number) => Path.Combine(Folder, $"{number:000000}.png");

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
