using System.Collections.Concurrent;

namespace AgCam.Cli.Explaining;

/// <summary>Where pictures go: below --out as the images lie below their folder. cat.jpg gives cat.overlay.png; a cat.png beside it gives cat.png.overlay.png.</summary>
internal sealed class PicturePaths(string folder, SavedPicture save)
{
    // Which image a name belongs to, as hashes: 16 bytes an image.
    private readonly ConcurrentDictionary<long, long> _owners = new();

    /// <param name="target">0 for the first explanation of the image.</param>
    public string Of(ImageSource source, int target)
    {
        var kind = save == SavedPicture.Strip ? "strip" : "overlay";
        var suffix = target == 0 ? $".{kind}.png" : $".{target + 1}.{kind}.png";
        var stem = Path.ChangeExtension(source.Relative, null);
        var name = Owns(stem, source.Path) ? stem : source.Relative;
        for (var i = 2; !Owns(name, source.Path); i++)
            name = $"{source.Relative}-{i}";
        return Path.Combine(folder, name + suffix);
    }

    private bool Owns(string name, string path) => _owners.GetOrAdd(Hash(name), Hash(path)) == Hash(path);

    private static long Hash(string text) => BitConverter.ToInt64(Digest.Of(System.Text.Encoding.UTF8.GetBytes(text)).ToArray());
}
