using System.Text.Json.Nodes;
using AgCam.Pipeline.Stores;

namespace AgCam.Api.Tests.Resources;

/// <summary>Tests dry runs for a model that has explained nothing yet.</summary>
public sealed class PaceSampleTests
{
    /// <summary>Longer than any test takes, so that a busy machine does not cut the sample short.</summary>
    private static readonly ApiOptions Unhurried = new() { DryRunPaceSeconds = 300 };

    [Fact]
    public async Task Worker_explains_part_of_the_sample_and_the_job_reuses_it()
    {
        var loader = new CornerLoader();
        await using var api = await RunningApi.StartAsync(Unhurried, loader: loader);
        var source = AddPictures(api, 40);

        var report = await TryAsync(api, source);

        var timed = (int)report["paceImages"]!;
        Assert.Equal(("sample", null), ((string?)report["paceFrom"], (string?)report["hoursUnknown"]));
        Assert.InRange(timed, 2, 30);
        Assert.Equal(timed + 1, loader.Explained); // the first one loads the model
        Assert.Equal(40 / (double)report["imagesPerSecond"]! / 3600, (double)report["hours"]!, 1e-9);
        Assert.Empty((await api.Store.Items.PageAsync(new ItemQuery(), TestContext.Current.CancellationToken)).Items);

        var job = await RunningApi.JsonAsync(await api.SendJsonAsync("/v1/jobs", new JsonObject { ["source"] = source }), 201);
        var done = await api.GetAsync($"/v1/jobs/{(string?)job["id"]}?wait=30");
        Assert.Equal(("Completed", 40), ((string?)done["state"], (int)done["progress"]!["completed"]!));
        Assert.Equal(40, loader.Explained);
    }

    [Fact]
    public async Task Stored_explanations_do_not_count_towards_the_pace()
    {
        var loader = new CornerLoader();
        await using var api = await RunningApi.StartAsync(Unhurried, loader: loader);
        var source = AddPictures(api, 8);
        for (var i = 0; i < 3; i++)
            await RunningApi.JsonAsync(
                await api.SendJsonAsync(
                    "/v1/explanations?wait=30",
                    new JsonObject { ["uri"] = Path.Combine(api.Folder, "some", $"{i}.png") }
                ),
                200
            );

        var report = await TryAsync(api, source);

        Assert.Equal(8, loader.Explained);
        Assert.InRange((int)report["paceImages"]!, 4, 5); // the one that loads the model may be a stored one
        var again = await TryAsync(api, source);
        Assert.Null(again["hours"]);
        Assert.Contains("explained already", (string?)again["hoursUnknown"]);
        Assert.Equal(8, loader.Explained);
    }

    [Fact]
    public async Task Hours_are_absent_without_a_worker_and_no_request_stays_in_the_store()
    {
        await using var api = await RunningApi.StartAsync(new ApiOptions { DryRunPaceSeconds = 0.3 }, worker: false);

        var report = await TryAsync(api, AddPictures(api, 5));

        Assert.Equal((5, 5), ((int)report["images"]!, (int)report["readable"]!));
        Assert.Null(report["hours"]);
        Assert.Null(report["paceFrom"]);
        Assert.Contains("No worker has run corner yet", (string?)report["hoursUnknown"]);
        Assert.Empty(
            await api.Store.Chunks.RequeueExpiredAsync(
                TimeSpan.FromMinutes(1),
                all: true,
                cancellationToken: TestContext.Current.CancellationToken
            )
        );
    }

    [Fact]
    public async Task Disabled_pace_measurement_is_reported()
    {
        var loader = new CornerLoader();
        await using var api = await RunningApi.StartAsync(new ApiOptions { DryRunPaceSeconds = 0 }, loader: loader);
        var report = await TryAsync(api, AddPictures(api, 3));
        Assert.Contains("DryRunPaceSeconds", (string?)report["hoursUnknown"]);
        Assert.Equal(0, loader.Explained);
    }

    [Fact]
    public async Task Target_that_the_worker_does_not_support_is_reported()
    {
        await using var api = await RunningApi.StartAsync(Unhurried);
        // The model's files have this class; the worker's engine with its three classes does not.
        var report = await TryAsync(api, AddPictures(api, 3), "class:gate");
        Assert.Null(report["hours"]);
        Assert.Contains("gate", (string?)report["hoursUnknown"]);
        Assert.Contains("no-such-target", (string?)report["hoursUnknown"]);
    }

    [Theory]
    [InlineData(0, "No image of the sample can be read")]
    [InlineData(1, "One image gives no pace")]
    public async Task Too_few_readable_images_give_no_pace(int images, string why)
    {
        await using var api = await RunningApi.StartAsync(Unhurried);
        var source = AddPictures(api, images);
        File.WriteAllText(Path.Combine(api.Folder, "some", "broken.png"), "not a picture");
        Assert.Contains(why, (string?)(await TryAsync(api, source))["hoursUnknown"]);
    }

    private static string AddPictures(RunningApi api, int count)
    {
        var folder = Directory.CreateDirectory(Path.Combine(api.Folder, "some")).FullName;
        for (var i = 0; i < count; i++)
            api.AddPicture(i, $"some/{i}.png");
        return $"folder:{folder}";
    }

    private static async Task<JsonNode> TryAsync(RunningApi api, string source, string target = "predicted") =>
        await RunningApi.JsonAsync(
            await api.SendJsonAsync("/v1/jobs/dry-run", new JsonObject { ["source"] = source, ["targets"] = new JsonArray(target) }),
            200
        );
}
