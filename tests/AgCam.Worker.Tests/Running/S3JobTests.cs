using System.Text;
using AgCam.Images;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Worker.Tests.Running;

public sealed class S3JobTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Unchanged_objects_are_not_fetched_again()
    {
        await using var server = await FilledAsync();
        using var folder = new Pictures(0);
        await using var process = await StartAsync(folder, server);
        var first = await RunAsync(process, "classes:s3://data/pets", "first");
        Assert.Equal((50, 25), (first.Count, first.Count(item => item.Label == "cat")));
        Assert.All(first, item => Assert.Equal(ItemStatus.Completed, item.Status));
        Assert.Equal(50, server.Asked.Count(asked => asked.StartsWith("GET ", StringComparison.Ordinal)));

        server.Put("data", "pets/dog/03.png", Picture(1003));
        var second = await RunAsync(process, "classes:s3://data/pets", "second");

        Assert.Equal(51, server.Asked.Count(asked => asked.StartsWith("GET ", StringComparison.Ordinal)));
        Assert.Equal(
            ["s3://data/pets/dog/03.png"],
            first.Zip(second).Where(pair => pair.First.Sha256 != pair.Second.Sha256).Select(pair => pair.Second.Uri)
        );
    }

    [Fact]
    public async Task Missing_object_fails_alone()
    {
        await using var server = await FilledAsync();
        using var folder = new Pictures(0);
        await using var process = await StartAsync(folder, server);
        File.WriteAllText(
            Path.Combine(folder.Folder, "m.csv"),
            "path\ns3://data/pets/cat/00.png\ns3://data/pets/cat/none.png\ns3://data/pets/dog/00.png\n"
        );
        server.DeniedKeys["pets/dog/00.png"] = true;
        var items = await RunAsync(process, $"manifest:{Path.Combine(folder.Folder, "m.csv")}", "missing");
        Assert.Equal([null, ImageFailure.NotFound, ReferenceFailure.Denied], items.Select(item => item.Reason));
    }

    [Theory]
    [InlineData("denied")]
    [InlineData("no-such-bucket")]
    [InlineData("credentials")]
    public async Task Failure_that_affects_all_images_pauses_the_job(string reason)
    {
        await using var server = await FilledAsync();
        using var folder = new Pictures(0);
        await using var process = await StartAsync(folder, server);
        // With a manifest the workers meet the failure, not the planner.
        File.WriteAllLines(
            Path.Combine(folder.Folder, "m.csv"),
            ["path", .. Enumerable.Range(0, 25).Select(i => $"s3://{(reason == "no-such-bucket" ? "later" : "data")}/pets/cat/{i:00}.png")]
        );
        if (reason == "denied")
            server.Denied["data"] = true;
        if (reason == "credentials")
            server.UseKey("AKIDSTALE");

        var job = await process.SubmitAsync(
            new JobSpec { Source = $"manifest:{Path.Combine(folder.Folder, "m.csv")}", Model = NullEngine.Pin }
        );
        job = await process.WaitAsync(job.Id, job => job.State == JobState.Paused);
        Assert.StartsWith($"{reason}: s3://", job.Reason, StringComparison.Ordinal);
        Assert.Equal(0, job.Progress.Failed);

        server.Denied.Clear();
        server.UseKey(S3Server.AccessKey);
        for (var i = 0; i < 25; i++)
            server.Put("later", $"pets/cat/{i:00}.png", Picture(i));
        await process.Store.Jobs.ResumeAsync(job.Id, Cancel);
        job = await process.WaitAsync(job.Id, job => job.State == JobState.Completed);
        Assert.Equal((25, 0), (job.Progress.Completed, job.Progress.Failed));
    }

    [Fact]
    public async Task Bucket_that_may_not_be_listed_pauses_the_job()
    {
        await using var server = await FilledAsync();
        server.Denied["data"] = true;
        using var folder = new Pictures(0);
        await using var process = await StartAsync(folder, server);
        var job = await process.SubmitAsync(new JobSpec { Source = "s3://data/pets", Model = NullEngine.Pin });
        job = await process.WaitAsync(job.Id, job => job.State == JobState.Paused);
        Assert.StartsWith("denied: s3://data/pets/", job.Reason, StringComparison.Ordinal);
        server.Denied.Clear();
        await process.Store.Jobs.ResumeAsync(job.Id, Cancel);
        job = await process.WaitAsync(job.Id, job => job.State == JobState.Completed);
        Assert.Equal(50, job.Progress.Completed);
    }

    private static async Task<S3Server> FilledAsync()
    {
        var server = await S3Server.StartAsync(pageSize: 20);
        for (var i = 0; i < 25; i++)
        {
            server.Put("data", $"pets/cat/{i:00}.png", Picture(i));
            server.Put("data", $"pets/dog/{i:00}.png", Picture(100 + i));
        }
        return server;
    }

    private static byte[] Picture(int number) => [0x89, (byte)'P', (byte)'N', (byte)'G', .. Encoding.ASCII.GetBytes($"{number}")];

    private static Task<Processes> StartAsync(Pictures folder, S3Server server) =>
        Processes.StartAsync(
            Processes.Options(folder) with
            {
                References = new ReferenceOptions { Roots = [folder.Folder], S3 = server.Options with { Buckets = ["data", "later"] } },
            },
            new WorkerOptions()
        );

    private static async Task<List<Item>> RunAsync(Processes process, string source, string tag)
    {
        var job = await process.SubmitAsync(
            new JobSpec
            {
                Source = source,
                Model = NullEngine.Pin,
                Tags = [tag],
            }
        );
        await process.WaitAsync(job.Id, job => job.State == JobState.Completed);
        return await process.Store.Items.AllAsync(new ItemQuery { Job = job.Id }, Cancel).ToListAsync(Cancel);
    }
}
