using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Worker.Tests.Running;

/// <summary>
/// Replaces the bytes of files and keeps size and write time. A reader that opens one computes another digest.
/// </summary>
public sealed class UnchangedSourceTests
{
    private const int Count = 100;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_over_unchanged_files_opens_none_of_them()
    {
        using var pictures = new Pictures(Count);
        var explained = 0;
        var engines = new ObservedLoader(images => Interlocked.Add(ref explained, images.Count));
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions(), engines);
        var first = await ItemsAsync(process, pictures, "first");
        ExchangeAll(pictures);

        var second = await ItemsAsync(process, pictures, "second");

        Assert.Equal(Count, explained);
        Assert.All(
            first.Zip(second),
            pair => Assert.Equivalent(pair.First with { Job = pair.Second.Job, Time = pair.Second.Time }, pair.Second, strict: true)
        );
    }

    [Fact]
    public async Task Run_with_rehash_reads_every_file()
    {
        using var pictures = new Pictures(Count);
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions());
        var first = await ItemsAsync(process, pictures, "first");
        ExchangeAll(pictures);

        var second = await ItemsAsync(process, pictures, "second", rehash: true);

        Assert.All(first.Zip(second), pair => Assert.NotEqual(pair.First.Sha256, pair.Second.Sha256));
    }

    [Fact]
    public async Task Only_a_changed_file_is_read_again()
    {
        using var pictures = new Pictures(Count);
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions());
        var first = await ItemsAsync(process, pictures, "first");
        ExchangeAll(pictures);
        File.SetLastWriteTimeUtc(pictures.PathOf(7), Pictures.Written.AddMinutes(1));

        var second = await ItemsAsync(process, pictures, "second");

        Assert.Equal([7], first.Zip(second).Where(pair => pair.First.Sha256 != pair.Second.Sha256).Select(pair => pair.First.Number));
    }

    [Fact]
    public async Task Recently_written_file_is_read_again()
    {
        using var pictures = new Pictures(3);
        File.SetLastWriteTimeUtc(pictures.PathOf(1), DateTime.UtcNow.AddMinutes(5)); // as written by a clock that is ahead
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions());
        var items = await ItemsAsync(process, pictures, "first");
        Assert.Equal([1], items.Where(item => item.Stamp is null).Select(item => item.Number));
    }

    private static async Task<List<Item>> ItemsAsync(Processes process, Pictures pictures, string tag, bool rehash = false)
    {
        var job = await process.SubmitAsync(
            new JobSpec
            {
                Source = $"folder:{pictures.Folder}",
                Model = NullEngine.Pin,
                Tags = [tag],
                Options = rehash ? new Dictionary<string, string> { [KnownImages.Rehash] = "true" } : null,
            }
        );
        job = await process.WaitAsync(job.Id, job => job.State == JobState.Completed);
        Assert.Equal(job.Images, job.Progress.Completed);
        return await process.Store.Items.AllAsync(new ItemQuery { Job = job.Id }, Cancel).ToListAsync(Cancel);
    }

    private static void ExchangeAll(Pictures pictures)
    {
        foreach (var path in Directory.GetFiles(pictures.Folder, "*.png"))
        {
            var bytes = File.ReadAllBytes(path);
            bytes[^1] ^= 1;
            File.WriteAllBytes(path, bytes);
            File.SetLastWriteTimeUtc(path, Pictures.Written);
        }
    }
}
