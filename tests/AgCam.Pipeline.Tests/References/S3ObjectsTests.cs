using System.Text;
using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.References;
using Xunit;

namespace AgCam.Pipeline.Tests.References;

/// <summary>Tests the real client with the test server <see cref="S3Server"/>.</summary>
public sealed class S3ObjectsTests
{
    private static readonly byte[] Bytes = Encoding.ASCII.GetBytes("the picture's bytes");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("folder/a.png")]
    [InlineData("with space/ä#1?x=%20+&.png")]
    public async Task Object_is_read_with_etag_and_size_as_its_stamp(string key)
    {
        await using var server = await S3Server.StartAsync();
        server.Put("photos", key, Bytes);
        var read = await ReadAsync(server.Options, $"s3://photos/{key}");
        Assert.Equal(Bytes, read.Bytes);
        Assert.Matches("^[0-9a-f]{32}@19$", read.Stamp);
    }

    [Fact]
    public async Task Pinned_version_is_read_after_a_newer_one_was_written()
    {
        await using var server = await S3Server.StartAsync();
        var first = server.Put("photos", "a.png", Bytes);
        server.Put("photos", "a.png", [1, 2, 3]);
        var stamp = S3Objects.StampOfVersion(first);
        var read = await ReadAsync(server.Options, "s3://photos/a.png", stamp);
        Assert.Equal(Bytes, read.Bytes);
        Assert.Equal(stamp, read.Stamp);
        Assert.Equal([1, 2, 3], (await ReadAsync(server.Options, "s3://photos/a.png")).Bytes);
        Assert.Equal(ImageFailure.NotFound, (await FailsAsync(server.Options, "s3://photos/a.png", S3Objects.StampOfVersion("v9"))).Reason);
    }

    [Fact]
    public async Task Missing_key_fails_the_image_after_one_attempt()
    {
        await using var server = await S3Server.StartAsync();
        server.CreateBucket("photos");
        Assert.Equal(ImageFailure.NotFound, (await FailsAsync(server.Options, "s3://photos/none.png")).Reason);
        Assert.Single(server.Asked);
    }

    [Fact]
    public async Task Denied_object_missing_bucket_and_wrong_signature_have_different_reasons()
    {
        await using var server = await S3Server.StartAsync();
        server.Put("photos", "a.png", Bytes);
        server.Denied["secret"] = true;
        server.Put("secret", "a.png", Bytes);
        Assert.Equal(ReferenceFailure.Denied, (await FailsAsync(server.Options, "s3://secret/a.png")).Reason);
        Assert.Equal(ReferenceFailure.NoBucket, (await FailsAsync(server.Options, "s3://nowhere/a.png")).Reason);
        server.UseKey("AKIDSTALE");
        Assert.Equal(ReferenceFailure.Credentials, (await FailsAsync(server.Options, "s3://photos/a.png")).Reason);
        Assert.Equal(
            ReferenceFailure.Credentials,
            (await FailsAsync(server.Options with { CredentialsFile = "/nowhere/at/all" }, "s3://photos/a.png")).Reason
        );
        Assert.Equal(3, server.Asked.Count);
    }

    [Fact]
    public async Task Corrected_credentials_are_read_again()
    {
        await using var server = await S3Server.StartAsync();
        server.Put("photos", "a.png", Bytes);
        server.UseKey("AKIDSTALE");
        var objects = new S3Objects(server.Options, ImageLimits.Default, TimeSpan.FromMinutes(5));
        await Assert.ThrowsAsync<ImageException>(() => objects.ReadAsync("s3://photos/a.png", null, Cancel));
        server.UseKey(S3Server.AccessKey);
        Assert.Equal(Bytes, (await objects.ReadAsync("s3://photos/a.png", null, Cancel)).Bytes);
    }

    [Fact]
    public async Task Throttled_and_truncated_responses_are_retried()
    {
        await using var server = await S3Server.StartAsync();
        server.Put("photos", "a.png", Bytes);
        (server.SlowDowns, server.Truncations) = (1, 1);
        Assert.Equal(Bytes, (await ReadAsync(server.Options, "s3://photos/a.png")).Bytes);
        Assert.Equal(3, server.Asked.Count);
    }

    [Fact]
    public async Task Failing_server_is_unreachable_after_all_attempts()
    {
        await using var server = await S3Server.StartAsync();
        server.Put("photos", "a.png", Bytes);
        server.SlowDowns = 100;
        Assert.Equal(ReferenceFailure.Unreachable, (await FailsAsync(server.Options, "s3://photos/a.png")).Reason);
        Assert.Equal(3, server.Asked.Count);
        Assert.Equal(
            ReferenceFailure.Unreachable,
            (await FailsAsync(server.Options with { Endpoint = "http://127.0.0.1:9", Tries = 2 }, "s3://photos/a.png")).Reason
        );
    }

    [Fact]
    public async Task Large_and_slow_objects_are_refused()
    {
        await using var server = await S3Server.StartAsync();
        server.Put("photos", "large.png", new byte[2000]);
        server.Put("photos", "slow.png", new byte[500]);
        Assert.Equal(
            ImageFailure.TooManyBytes,
            (await FailsAsync(server.Options, "s3://photos/large.png", limits: new ImageLimits { MaxBytes = 1000 })).Reason
        );
        server.Dribbles = true;
        Assert.Equal(
            ReferenceFailure.Unreachable,
            (await FailsAsync(server.Options with { Seconds = 0.3, Tries = 1 }, "s3://photos/slow.png")).Reason
        );
    }

    [Theory]
    [InlineData("s3://other/a.png")]
    [InlineData("s3://photos/private/a.png")]
    [InlineData("s3://photos/pubs/a.png")]
    [InlineData("s3://photos/pub/../private/a.png")]
    [InlineData("s3://photos/pub/./a.png")]
    [InlineData("s3://photos")]
    [InlineData("s3://photos/")]
    [InlineData("s3:///a.png")]
    [InlineData("s3://../a.png")]
    public async Task Object_that_is_not_allowed_is_not_requested(string uri)
    {
        await using var server = await S3Server.StartAsync();
        Assert.Equal(
            ReferenceFailure.NotAllowed,
            (await FailsAsync(server.Options with { Buckets = ["photos/pub", "others"] }, uri)).Reason
        );
        Assert.Empty(server.Asked);
    }

    private static async Task<ReadImage> ReadAsync(S3Options options, string uri, string? stamp = null, ImageLimits? limits = null)
    {
        using var references = new ReferenceReader(new ReferenceOptions { S3 = options, Limits = limits ?? ImageLimits.Default }, null!);
        return await references.ReadAsync(
            new ImageReference
            {
                Kind = ReferenceKind.S3,
                Uri = uri,
                Stamp = stamp,
            },
            Cancel
        );
    }

    private static Task<ImageException> FailsAsync(S3Options options, string uri, string? stamp = null, ImageLimits? limits = null) =>
        Assert.ThrowsAsync<ImageException>(() => ReadAsync(options, uri, stamp, limits));
}
