using System.Collections.Concurrent;
using System.Text;

namespace AgCam.Cli.Explaining;

/// <summary>
/// Names pictures below --out, in the same subfolders as the images. cat.jpg gives cat.overlay.png; a cat.png next to it gives
/// cat.png.overlay.png; a third gets a hash of its path. Names of existing pictures of other images are avoided.
/// </summary>
internal sealed class PicturePaths(string folder, SavedPicture save)
{
    /// <summary>Maximum bytes of a file name in UTF-8 before hash and suffix: file systems allow 255.</summary>
    private const int MostBytes = 200;

    // Which image a name belongs to, as hashes: 16 bytes an image.
    private readonly ConcurrentDictionary<long, long> _owners = new();

    /// <param name="target">Index of the explanation of the image, from 0.</param>
    public string Of(ImageSource source, int target)
    {
        var owner = Owner(source);
        var name = Fitting(Path.ChangeExtension(source.Relative, null), owner);
        if (!Owns(name, owner))
            name = Fitting(source.Relative, owner);
        if (!Owns(name, owner))
            name = $"{name}-{Short(owner)}";
        return At(name, target);
    }

    public static Digest Owner(ImageSource source) => Digest.Of(Encoding.UTF8.GetBytes(source.Path));

    private string At(string name, int target)
    {
        var kind = save == SavedPicture.Strip ? "strip" : "overlay";
        return Path.Combine(folder, name + (target == 0 ? $".{kind}.png" : $".{target + 1}.{kind}.png"));
    }

    private bool Owns(string name, Digest owner) =>
        _owners.GetOrAdd(Hash(Digest.Of(Encoding.UTF8.GetBytes(name))), _ => Hash(PictureOwner.Of(At(name, 0)) ?? owner)) == Hash(owner);

    private static string Fitting(string name, Digest owner)
    {
        var file = Path.GetFileName(name);
        if (Encoding.UTF8.GetByteCount(file) <= MostBytes)
            return name;
        var (kept, bytes) = (0, 0);
        foreach (var rune in file.EnumerateRunes())
        {
            bytes += rune.Utf8SequenceLength;
            if (bytes > MostBytes - 20)
                break;
            kept += rune.Utf16SequenceLength;
        }

        return Path.Combine(Path.GetDirectoryName(name) ?? "", $"{file[..kept]}-{Short(owner)}");
    }

    private static string Short(Digest digest) => digest.ToString()[..16];

    private static long Hash(Digest digest) => BitConverter.ToInt64(digest.ToArray());
}
