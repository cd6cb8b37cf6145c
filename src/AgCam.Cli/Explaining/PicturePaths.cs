using System.Collections.Concurrent;
using System.Text;

namespace AgCam.Cli.Explaining;

/// <summary>
/// Names pictures below --out, in the same subfolders as the images. cat.jpg gives cat.overlay.png; a cat.png next to it gives
/// cat.png.overlay.png; a third gets a hash of its path. Names of existing pictures of other images are avoided.
/// </summary>
internal sealed class PicturePaths(string folder, SavedPictures save)
{
    /// <summary>Maximum bytes of a file name in UTF-8 before hash, class and suffix: file systems allow 255.</summary>
    private const int MaxBytes = 120;

    // Which image a name belongs to, as hashes: 16 bytes an image.
    private readonly ConcurrentDictionary<long, long> _owners = new();

    /// <summary>Reserves the image's name. Images of one name get theirs in the order of the calls.</summary>
    public void Reserve(ImageSource source) => NameOf(source, Owner(source));

    /// <param name="target">Index of the explanation of the image, from 0.</param>
    /// <param name="className">Part of the file name; null for a name without a class.</param>
    public string Of(ImageSource source, SavedPictures kind, int target, string? className)
    {
        var owner = Owner(source);
        var name = NameOf(source, owner);
        var path = At(name, kind, target, className);
        // The reserved name does not know the class: an earlier run may have used the whole name for another image.
        return className is null || PictureOwner.Of(path) is not { } other || other == owner
            ? path
            : At($"{name}-{Short(owner)}", kind, target, className);
    }

    public static Digest Owner(ImageSource source) => Digest.Of(Encoding.UTF8.GetBytes(source.Path));

    /// <summary>Returns the longest start of a text that has at most these bytes in UTF-8.</summary>
    public static string Cut(string text, int maximumBytes)
    {
        var (kept, bytes) = (0, 0);
        foreach (var rune in text.EnumerateRunes())
        {
            bytes += rune.Utf8SequenceLength;
            if (bytes > maximumBytes)
                break;
            kept += rune.Utf16SequenceLength;
        }

        return text[..kept];
    }

    private string NameOf(ImageSource source, Digest owner)
    {
        var name = Fitting(Path.ChangeExtension(source.Relative, null), owner);
        if (!Owns(name, owner))
            name = Fitting(source.Relative, owner);
        if (!Owns(name, owner))
            name = $"{name}-{Short(owner)}";
        return name;
    }

    private string At(string name, SavedPictures kind, int target, string? className)
    {
        var number = target == 0 ? "" : $".{target + 1}";
        var middle = className is null ? "" : $".{className}";
        return Path.Combine(folder, $"{name}{number}{middle}.{(kind == SavedPictures.Strip ? "strip" : "overlay")}.png");
    }

    private bool Owns(string name, Digest owner) =>
        _owners.GetOrAdd(Hash(Digest.Of(Encoding.UTF8.GetBytes(name))), _ => Hash(OtherOwner(name, owner) ?? owner)) == Hash(owner);

    /// <summary>Returns another image that has a picture of this name; null without one.</summary>
    private Digest? OtherOwner(string name, Digest owner) =>
        save.Each().Select(kind => PictureOwner.Of(At(name, kind, 0, null))).FirstOrDefault(other => other is not null && other != owner);

    private static string Fitting(string name, Digest owner)
    {
        var file = Path.GetFileName(name);
        return Encoding.UTF8.GetByteCount(file) <= MaxBytes
            ? name
            : Path.Combine(Path.GetDirectoryName(name) ?? "", $"{Cut(file, MaxBytes - 20)}-{Short(owner)}");
    }

    private static string Short(Digest digest) => digest.ToString()[..16];

    private static long Hash(Digest digest) => BitConverter.ToInt64(digest.ToArray());
}
