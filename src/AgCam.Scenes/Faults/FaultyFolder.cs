using System.Globalization;
using System.Text;
using AgCam.Heatmaps;
using AgCam.Images;
using NetVips;

namespace AgCam.Scenes.Faults;

/// <summary>Options of <see cref="FaultyFolder.Draw"/>.</summary>
public sealed record FaultyFolderOptions
{
    public required string Folder { get; init; }

    /// <summary>Number of scenes. Copies are added to it.</summary>
    public int Count { get; init; } = 600;

    /// <summary>Seed of the scenes and their faults. The shipped model was trained on 1.</summary>
    public long Seed { get; init; } = 7;

    /// <summary>Number of each kind of fault as a share of the scenes, at most 0.12. At least two are planted.</summary>
    public double Rate { get; init; } = 0.04;

    public SceneOptions Scenes { get; init; } = new();
}

/// <summary>
/// Draws a dataset with planted faults: images/, manifest.csv (path, label, split) and planted-faults.json, which names each fault. A scene
/// has at most one fault besides the watermark.
/// </summary>
public static class FaultyFolder
{
    public const string Manifest = "manifest.csv";
    public const string Planted = "planted-faults.json";
    private const string Pictures = "images";
    private const double MaximumRate = 0.12; // seven kinds of faults need scenes of their own
    private const double TestShare = 0.2;

    /// <summary>Draws the dataset. The same options give the same dataset.</summary>
    public static PlantedFaults Draw(FaultyFolderOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Rate, MaximumRate);
        Directory.CreateDirectory(Path.Combine(options.Folder, Pictures));
        var drawing = new Drawing(options);
        var faults = drawing.Run();
        File.WriteAllText(Path.Combine(options.Folder, Manifest), drawing.Rows());
        faults.Write(Path.Combine(options.Folder, Planted));
        return faults;
    }

    private sealed class Drawing(FaultyFolderOptions options)
    {
        private readonly Scene[] _scenes = new Scene[options.Count];
        private readonly List<(string Path, string Label, string Split)> _rows = [];

        public PlantedFaults Run()
        {
            Parallel.For(0, options.Count, i => _scenes[i] = Scene.Draw(options.Seed, i, options.Scenes));
            var order = Enumerable.Range(0, options.Count).OrderBy(i => Random(i, 0)).ThenBy(i => i).ToList();
            var faults = Math.Max(2, (int)Math.Round(options.Rate * options.Count));
            var kinds = order.Chunk(faults).Take(7).Select(kind => kind.ToHashSet()).ToList();
            if (kinds.Count < 7 || kinds[6].Count < faults)
                throw new ArgumentException($"{options.Count} scenes are too few for {faults} faults of each kind.", nameof(options));
            var (wrong, blank, dark, blurred) = (kinds[0], kinds[1], kinds[2], kinds[3]);

            var labels = new List<WrongLabel>();
            for (var i = 0; i < options.Count; i++)
            {
                var scene = _scenes[i];
                var picture =
                    blank.Contains(i) ? Blank(i)
                    : dark.Contains(i) ? Darkened(scene.Image)
                    : blurred.Contains(i) ? Blurred(scene.Image)
                    : scene.Image;
                var given = wrong.Contains(i) ? Another(scene.Class, i) : scene.Class;
                var path = Add(PngEncoder.Encode(picture, compression: 1), ".png", SceneClass.Names[given], SplitOf(i));
                if (given != scene.Class)
                    labels.Add(new WrongLabel(path, SceneClass.Names[given], scene.Name));
            }
            var unseen = blank.Concat(dark).Concat(blurred).ToHashSet();
            var marked = Enumerable.Range(0, options.Count).Where(i => _scenes[i].HasWatermark && !unseen.Contains(i)).ToList();
            return new PlantedFaults
            {
                WatermarkedClass = marked.Count > 0 ? SceneClass.Names[SceneClass.Watermarked] : null,
                Watermarked = [.. marked.Select(Path)],
                WrongLabels = labels,
                Exact = Copies(kinds[4], (scene, _) => (PngEncoder.Encode(scene, compression: 1), ".png")),
                ReEncoded = Copies(kinds[5], ReEncoded),
                Near = Copies(kinds[6], Altered),
                Blank = Paths(blank),
                Dark = Paths(dark),
                Blurred = Paths(blurred),
            };
        }

        public string Rows()
        {
            var rows = new StringBuilder("path,label,split\n");
            foreach (var (path, label, split) in _rows)
                rows.Append(CultureInfo.InvariantCulture, $"{path},{label},{split}\n");
            return rows.ToString();
        }

        private IReadOnlyList<string> Paths(IEnumerable<int> scenes) => [.. scenes.Order().Select(Path)];

        private string Path(int scene) => _rows[scene].Path;

        private string Add(byte[] file, string extension, string label, string split)
        {
            var path = string.Create(CultureInfo.InvariantCulture, $"{Pictures}/{_rows.Count:D5}{extension}");
            File.WriteAllBytes(System.IO.Path.Combine(options.Folder, path), file);
            _rows.Add((path, label, split));
            return path;
        }

        /// <summary>Adds a copy of each scene. Every second one is in another split than the original.</summary>
        private IReadOnlyList<Copied> Copies(IEnumerable<int> scenes, Func<RgbImage, int, (byte[] File, string Extension)> encode) =>
            [
                .. scenes
                    .Order()
                    .Select(
                        (scene, i) =>
                        {
                            var (file, extension) = encode(_scenes[scene].Image, scene);
                            var (leaks, split) = (i % 2 == 1, SplitOf(scene));
                            var other = split == "test" ? "train" : "test";
                            return new Copied(Add(file, extension, _scenes[scene].Name, leaks ? other : split), Path(scene), leaks);
                        }
                    ),
            ];

        private string SplitOf(int scene) => Random(scene, 1) < TestShare * ulong.MaxValue ? "test" : "train";

        private int Another(int @class, int scene) =>
            (@class + 1 + (int)(Random(scene, 2) % (ulong)(SceneClass.Count - 1))) % SceneClass.Count;

        private ulong Random(int scene, int purpose) =>
            SplitMix64.Mix(SplitMix64.Mix((ulong)options.Seed + SplitMix64.Golden) ^ SplitMix64.Mix(((ulong)scene << 8) + (ulong)purpose));

        private RgbImage Blank(int scene)
        {
            var bits = Random(scene, 3);
            byte[] colour = [.. Enumerable.Range(0, 3).Select(channel => (byte)(100 + ((bits >> (8 * channel)) % 120)))];
            return new RgbImage(Scene.Side, Scene.Side, [.. Enumerable.Range(0, Scene.Side * Scene.Side * 3).Select(i => colour[i % 3])]);
        }

        private static RgbImage Darkened(RgbImage picture) =>
            new(picture.Width, picture.Height, Array.ConvertAll(picture.Pixels, value => (byte)(value * 0.15)));

        private static RgbImage Blurred(RgbImage picture)
        {
            using var image = Vips(picture);
            using var blurred = image.Gaussblur(2.5);
            return new RgbImage(picture.Width, picture.Height, blurred.WriteToMemory<byte>());
        }

        private static (byte[], string) ReEncoded(RgbImage picture, int scene)
        {
            using var image = Vips(picture);
            return scene % 2 == 0 ? (image.JpegsaveBuffer(q: 90), ".jpg") : (image.WebpsaveBuffer(q: 90), ".webp");
        }

        private (byte[], string) Altered(RgbImage picture, int scene)
        {
            using var image = Vips(picture);
            var bits = Random(scene, 4);
            int left = (int)(bits % 3),
                top = (int)((bits >> 8) % 3);
            using var cropped = image.ExtractArea(left, top, picture.Width - 2, picture.Height - 2);
            using var resized = cropped.ThumbnailImage(picture.Width, picture.Height, size: Enums.Size.Force);
            using var brighter = resized.Linear([1.0], [((bits >> 16) % 2 == 0 ? 1 : -1) * 4.0], uchar: true);
            return (brighter.JpegsaveBuffer(q: 85), ".jpg");
        }

        private static Image Vips(RgbImage picture)
        {
            using var raw = Image.NewFromMemory(picture.Pixels, picture.Width, picture.Height, 3, Enums.BandFormat.Uchar);
            return raw.Copy(interpretation: Enums.Interpretation.Srgb);
        }
    }
}
