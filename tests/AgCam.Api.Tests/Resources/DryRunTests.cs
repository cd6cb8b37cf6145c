using System.Text.Json.Nodes;
using AgCam.Pipeline.Stores;

namespace AgCam.Api.Tests.Resources;

public sealed class DryRunTests(SharedApi shared) : IClassFixture<SharedApi>
{
    private RunningApi Api => shared.Api;

    [Fact]
    public async Task Dry_run_describes_the_job_and_stores_no_record()
    {
        for (var i = 0; i < 10; i++)
            Api.AddPicture(i, $"dry/{(i < 4 ? "0" : "unheard-of")}/{i}.png"); // "0" is a class index
        for (var i = 0; i < 3; i++)
            File.WriteAllText(Path.Combine(Api.Folder, "dry", "0", $"broken{i}.png"), "not a picture");
        var before = (await Api.Store.Items.PageAsync(new ItemQuery { Limit = 1000 }, TestContext.Current.CancellationToken)).Items.Count;

        var report = await TryAsync(new JsonObject { ["source"] = $"classes:{Api.Folder}/dry" });

        Assert.Equal((13, true), ((int)report["images"]!, (bool)report["isWhole"]!));
        Assert.Equal((13, 10), ((int)report["sampled"]!, (int)report["readable"]!));
        Assert.Equal(3, (int)report["failures"]!["unsupported-format"]!);
        Assert.NotEmpty((string)report["example"]!);
        Assert.Equal((13, 7), ((int)report["labelled"]!, (int)report["labelsOfModel"]!));
        Assert.Equal(["unheard-of"], report["unknownLabels"]!.AsArray().Select(label => (string?)label));
        Assert.Equal(13L * (int)report["storeBytesPerImage"]!, (long)report["storeBytes"]!);
        Assert.Empty((await Api.GetAsync("/v1/jobs?tag=dry"))["items"]!.AsArray());
        Assert.Equal(
            before,
            (await Api.Store.Items.PageAsync(new ItemQuery { Limit = 1000 }, TestContext.Current.CancellationToken)).Items.Count
        );
    }

    [Fact]
    public async Task Large_source_is_sampled_and_its_time_follows_from_the_models_last_chunks()
    {
        for (var i = 0; i < 100; i++)
            Api.AddPicture(5000 + i, $"many/{i:000}.png");
        var source = $"folder:{Api.Folder}/many";
        var job = await RunningApi.JsonAsync(await Api.SendJsonAsync("/v1/jobs", new JsonObject { ["source"] = source }), 201);
        Assert.Equal("Completed", (string?)(await Api.GetAsync($"/v1/jobs/{(string?)job["id"]}?wait=30"))["state"]);

        var report = await TryAsync(new JsonObject { ["source"] = source });

        Assert.Equal((100, 64, 64), ((int)report["images"]!, (int)report["sampled"]!, (int)report["readable"]!));
        Assert.Equal(100 / (double)report["imagesPerSecond"]! / 3600, (double)report["hours"]!, 1e-9);
        Assert.Equal(("history", null, null), ((string?)report["paceFrom"], (int?)report["paceImages"], (string?)report["hoursUnknown"]));
    }

    [Theory]
    [InlineData("folder:/etc")]
    [InlineData("s3://anywhere/at/all")]
    [InlineData("ftp://x")]
    public async Task Source_that_a_job_may_not_read_is_refused_for_a_dry_run(string source) =>
        await RunningApi.RefusedAsync(
            await Api.SendJsonAsync("/v1/jobs/dry-run", new JsonObject { ["source"] = source }),
            400,
            "invalid-request"
        );

    private async Task<JsonNode> TryAsync(JsonObject body) =>
        await RunningApi.JsonAsync(await Api.SendJsonAsync("/v1/jobs/dry-run", body), 200);
}
