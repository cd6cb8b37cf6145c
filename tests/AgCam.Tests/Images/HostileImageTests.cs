using System.Collections.Concurrent;
using System.Diagnostics;
using AgCam.Images;
using Xunit;

namespace AgCam.Tests.Images;

/// <summary>Measures memory, so it does not run in parallel with other tests.</summary>
[CollectionDefinition(nameof(HostileImageTests), DisableParallelization = true)]
[Collection(nameof(HostileImageTests))]
public sealed class HostileImageTests : IDisposable
{
    private static readonly HashSet<string> Reasons =
    [
        .. typeof(ImageFailure).GetFields().Select(field => (string)field.GetRawConstantValue()!),
    ];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact(Timeout = 120_000)]
    public async Task Each_of_ten_thousand_broken_files_gives_a_picture_or_a_reason()
    {
        var files = new HostileImages(seed: 20_260).Take(12_000).ToList();
        foreach (var (name, bytes) in files)
            _folder.Write(name, bytes);
        _folder.Pipe("pipe.jpg");
        Directory.CreateDirectory(_folder["folder.jpg"]);
        Directory.CreateSymbolicLink(Path.Combine(_folder.Path, "folder.jpg", "up.jpg"), _folder.Path);
        _folder.Write("new\nline.jpg", Picture.Bytes("rgb_444.jpg"));
        _folder.WriteRawName([.. "raw"u8, 0xFF, .. ".jpg"u8], Picture.Bytes("rgb_444.jpg"));
        SpecialFiles.Forbid(_folder.Write("secret.jpg", Picture.Bytes("rgb_444.jpg")));

        var outcomes = await MeasureAsync(
            ImageFiles.Find(_folder.Path),
            path => ImageDecoder.ReadFile(path, ImageLimits.Default),
            TestContext.Current.CancellationToken
        );

        Assert.Equal(files.Count + 4, outcomes.Values.Sum());
        Assert.Contains(ImageFailure.NotAFile, outcomes.Keys);
        // The corpus must reach the decoders and cause failures there.
        Assert.True(outcomes[ImageFailure.Corrupt] > 3_000, $"Only {outcomes[ImageFailure.Corrupt]} files were corrupt.");
        Assert.True(outcomes["picture"] > 500, $"Only {outcomes["picture"]} files were pictures.");
    }

    [Fact(Timeout = 120_000)]
    public async Task Decompression_bombs_use_less_than_a_gigabyte()
    {
        var bombs = ImageBombs.All();
        var outcomes = await MeasureAsync(bombs.Keys, name => bombs[name], TestContext.Current.CancellationToken);
        Assert.Equal(bombs.Count, outcomes.Values.Sum());
    }

    /// <summary>Counts the outcomes; fails on an unknown outcome, a slow one or too much memory.</summary>
    private static async Task<ConcurrentDictionary<string, int>> MeasureAsync(
        IEnumerable<string> names,
        Func<string, byte[]> read,
        CancellationToken cancellationToken
    )
    {
        var outcomes = new ConcurrentDictionary<string, int>();
        long before = PeakMemory(reset: true);
        var two = new ParallelOptions { MaxDegreeOfParallelism = 2, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(
            names,
            two,
            (name, _) =>
            {
                var clock = Stopwatch.StartNew();
                string outcome = Outcome(() => ImageDecoder.Decode(read(name), ImageLimits.Default));
                Assert.True(outcome == "picture" || Reasons.Contains(outcome), $"{name}: {outcome}");
                Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"{name} took {clock.Elapsed}.");
                outcomes.AddOrUpdate(outcome, 1, (_, count) => count + 1);
                return ValueTask.CompletedTask;
            }
        );
        long grown = PeakMemory(reset: false) - before;
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{string.Join(", ", outcomes.OrderBy(pair => pair.Key).Select(pair => $"{pair.Value} {pair.Key}"))}; memory grew "
                + $"by {grown >> 20} MB"
        );
        Assert.True(grown < 1 << 30, $"Memory grew by {grown >> 20} MB.");
        return outcomes;
    }

    private static string Outcome(Func<RgbImage> decode)
    {
        try
        {
            var image = decode();
            return image.Pixels.Length == image.Width * image.Height * 3 ? "picture" : "misshapen";
        }
        catch (ImageException failure)
        {
            return string.IsNullOrWhiteSpace(failure.Message) ? "no detail" : failure.Reason;
        }
        catch (Exception other)
        {
            return other.ToString();
        }
    }

    /// <summary>Returns the process's peak resident size in bytes.</summary>
    private static long PeakMemory(bool reset)
    {
        if (reset)
            File.WriteAllText("/proc/self/clear_refs", "5");
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) << 10;
    }
}
