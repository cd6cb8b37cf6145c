using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Worker.Tests.Running;

/// <summary>Tests requests that bypass the API and arrive over the bus.</summary>
public sealed class ForgedRequestTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Worker_refuses_a_file_outside_the_roots()
    {
        using var pictures = new Pictures(0);
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions());
        var item = await AskAsync(process, new ImageReference { Uri = "/etc/hostname" });
        Assert.Equal((ItemStatus.Failed, ReferenceFailure.NotAllowed), (item.Status, item.Reason));
    }

    [Fact]
    public async Task Digest_and_stamp_from_a_producer_are_ignored()
    {
        using var pictures = new Pictures(2);
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions());
        var first = await AskAsync(process, new ImageReference { Uri = pictures.PathOf(0) });
        var forged = new ImageReference
        {
            Uri = pictures.PathOf(1),
            KnownSha256 = first.Sha256,
            Stamp = first.Stamp,
        };

        var second = await AskAsync(process, forged);

        Assert.NotEqual(first.Explanation, second.Explanation);
        Assert.Equal(Digest.Of(File.ReadAllBytes(pictures.PathOf(1))), second.Sha256);
        Assert.NotEqual("forged", (await AskAsync(process, forged with { Stamp = "forged" })).Stamp);
    }

    private static async Task<Item> AskAsync(Processes process, ImageReference reference)
    {
        var request = new ExplainImages
        {
            Key = Guid.NewGuid().ToString(),
            Lane = Lane.Interactive,
            Model = NullEngine.Pin,
            References = [reference],
        };
        var done = process.Events.WaitAsync(request.Owner, TimeSpan.FromSeconds(60), Cancel);
        await process.Bus.PublishAsync(request, Cancel);
        Assert.True(await done);
        return (await process.Store.Items.FindAsync(request.Owner, 0, Cancel))!;
    }
}
