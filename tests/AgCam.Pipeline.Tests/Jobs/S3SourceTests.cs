using AgCam.Pipeline.Jobs.Sources;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using Xunit;

namespace AgCam.Pipeline.Tests.Jobs;

public sealed class S3SourceTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Prefix_lists_its_images_page_by_page_with_their_stamps()
    {
        await using var server = await S3Server.StartAsync(pageSize: 3);
        foreach (
            var key in new[]
            {
                "pets/b.jpg",
                "pets/a/z.PNG",
                "pets/notes.txt",
                "pets/a.jpg",
                "pets/c.webp",
                "pets2/x.jpg",
                "other.jpg",
                "pets/../sly.jpg",
            }
        )
            server.Put("data", key, [1, 2, 3]);
        var images = await WalkAsync(server, "s3://data/pets");
        Assert.Equal(
            ["s3://data/pets/a.jpg", "s3://data/pets/a/z.PNG", "s3://data/pets/b.jpg", "s3://data/pets/c.webp"],
            images.Select(image => image.Uri)
        );
        Assert.All(images, image => Assert.Equal((ReferenceKind.S3, "5289df737df57326fcdd22597afb1fac@3"), (image.Kind, image.Stamp)));
        Assert.True(server.Asked.Count >= 2, "one page held it all");
    }

    [Theory]
    [InlineData("s3://data", 3)]
    [InlineData("s3://data/", 3)]
    [InlineData("s3://data/p*", 2)]
    [InlineData("s3://data/pe/", 1)]
    [InlineData("s3://data/none", 0)]
    public async Task S3_path_is_a_folder_unless_it_ends_with_a_star(string source, int images)
    {
        await using var server = await S3Server.StartAsync();
        foreach (var key in new[] { "pe/1.jpg", "pets/2.jpg", "3.jpg" })
            server.Put("data", key, [1]);
        Assert.Equal(images, (await WalkAsync(server, source)).Count);
    }

    [Fact]
    public async Task Class_folders_label_their_images()
    {
        await using var server = await S3Server.StartAsync();
        foreach (var key in new[] { "pets/cat/1.jpg", "pets/dog/deep/2.jpg", "pets/loose.jpg" })
            server.Put("data", key, [1]);
        Assert.Equal(["cat", "dog", null], (await WalkAsync(server, "classes:s3://data/pets")).Select(image => image.Label));
    }

    [Fact]
    public async Task Folder_name_that_is_too_long_for_a_label_refuses_only_its_own_images()
    {
        await using var server = await S3Server.StartAsync();
        foreach (var key in new[] { "pets/cat/1.jpg", $"pets/{new string('x', 300)}/2.jpg" })
            server.Put("data", key, [1]);
        var images = await WalkAsync(server, "classes:s3://data/pets");
        Assert.Null(images[0].Refused);
        Assert.Contains("label must be left out or have 1 to 256 characters", images[1].Refused);
        Assert.Empty(ExplainImagesRules.Check(images[1]));
    }

    [Fact]
    public async Task Planning_resumes_after_the_last_object()
    {
        await using var server = await S3Server.StartAsync(pageSize: 2);
        foreach (var key in new[] { "a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg" })
            server.Put("data", key, [1]);
        Assert.Equal(
            ["s3://data/c.jpg", "s3://data/d.jpg", "s3://data/e.jpg"],
            (await WalkAsync(server, "s3://data", new PlanTail(1, 2, "s3://data/bb.jpg"))).Select(image => image.Uri)
        );
    }

    [Fact]
    public async Task Denied_missing_and_disallowed_buckets_fail_the_source()
    {
        await using var server = await S3Server.StartAsync();
        server.CreateBucket("secret");
        server.Denied["secret"] = true;
        Assert.StartsWith("denied: ", (await FailsAsync(server, "s3://secret/x")).Message, StringComparison.Ordinal);
        Assert.StartsWith("no-such-bucket: ", (await FailsAsync(server, "s3://nowhere")).Message, StringComparison.Ordinal);
        server.UseKey("AKIDSTALE");
        Assert.StartsWith("credentials: ", (await FailsAsync(server, "s3://secret")).Message, StringComparison.Ordinal);
        var asked = server.Asked.Count;
        foreach (
            var source in new[] { "s3://other", "s3://mine/privat", "s3://mine", "s3://mine/pub/../x", "s3:mine", "classes:s3://other" }
        )
            await FailsAsync(server, source, "mine/pub");
        Assert.Equal(asked, server.Asked.Count);
    }

    private static async Task<List<ImageReference>> WalkAsync(S3Server server, string source, PlanTail? tail = null, string allowed = "*")
    {
        using var references = new ReferenceReader(new ReferenceOptions { S3 = server.Options with { Buckets = [allowed] } }, null!);
        return await ImageSource
            .Open(Some.Spec(source), references, null!)
            .WalkAsync(tail ?? new PlanTail(0, 0, null), Cancel)
            .ToListAsync(Cancel);
    }

    private static Task<SourceException> FailsAsync(S3Server server, string source, string allowed = "*") =>
        Assert.ThrowsAsync<SourceException>(() => WalkAsync(server, source, allowed: allowed));
}
