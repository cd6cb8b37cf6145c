using System.Text.Json.Nodes;
using AgCam.Pipeline.Stores;

namespace AgCam.Api.Tests.Resources;

/// <summary>A dry run where the model has explained nothing yet.</summary>
public sealed class PaceSampleTests
{
    /// <summary>More than any test takes: a machine that is busy with something else must not cut the sample short.</summary>
    private static readonly ApiOptions Patient = new() { DryRunPaceSeconds = 300 };

    [Fact]
    public async Task A_worker_explains_some_of_the_sample_and_the_job_does_not_compute_them_again()
    {
        var loader = new CornerLoader();
        await using var api = await RunningApi.StartAsync(Patient, loader: loader);
        var source = AddPictures(api, 40);

        var report = await TryAsync(api, source);

        var timed = (int)report["paceImages"]!;
        Assert.Equal(("sample", null), ((string?)report["paceFrom"], (string?)report["hoursUnknown"]));
        Assert.InRange(timed, 2, 30);
        Assert.Equal(timed + 1, loader.Explained); // the first is for loading the model
        Assert.Equal(40 / (double)report["imagesPerSecond"]! / 3600, (double)report["hours"]!, 1e-9);
        Assert.Empty((await api.Store.Items.PageAsync(new ItemQuery(), TestContext.Current.CancellationToken)).Items);

        var job = await RunningApi.JsonAsync(await api.SendJsonAsync("/v1/jobs", new JsonObject { ["source"] = source }), 201);
        var done = await api.GetAsync($"/v1/jobs/{(string?)job["id"]}?wait=30");
        Assert.Equal(("Completed", 40), ((string?)done["state"], (int)done["progress"]!["completed"]!));
        Assert.Equal(40, loader.Explained);
    }

    [Fact]
    public async Task What_is_explained_already_is_not_taken_for_the_pace()
    {
        var loader = new CornerLoader();
        await using var api = await RunningApi.StartAsync(Patient, loader: loader);
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
        Assert.InRange((int)report["paceImages"]!, 4, 5); // the first may have been explained already, or not
        var again = await TryAsync(api, source);
        Assert.Null(again["hours"]);
        Assert.Contains("explained already", (string?)again["hoursUnknown"]);
        Assert.Equal(8, loader.Explained);
    }

    [Fact]
    public async Task Without_a_worker_the_hours_are_left_out_and_nothing_stays_behind()
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
    public async Task Where_no_worker_may_be_asked_the_report_says_so()
    {
        var loader = new CornerLoader();
        await using var api = await RunningApi.StartAsync(new ApiOptions { DryRunPaceSeconds = 0 }, loader: loader);
        var report = await TryAsync(api, AddPictures(api, 3));
        Assert.Contains("DryRunPaceSeconds", (string?)report["hoursUnknown"]);
        Assert.Equal(0, loader.Explained);
    }

    [Fact]
    public async Task What_a_worker_cannot_carry_out_is_told_before_the_job_is_paused_for_it()
    {
        await using var api = await RunningApi.StartAsync(Patient);
        // A class that the model's files name, and the worker's engine of three classes does not have.
        var report = await TryAsync(api, AddPictures(api, 3), "class:gate");
        Assert.Null(report["hours"]);
        Assert.Contains("gate", (string?)report["hoursUnknown"]);
        Assert.Contains("no-such-target", (string?)report["hoursUnknown"]);
    }

    [Theory]
    [InlineData(0, "No image of the sample can be read")]
    [InlineData(1, "One image gives no pace")]
    public async Task Too_few_images_tell_no_pace(int images, string why)
    {
        await using var api = await RunningApi.StartAsync(Patient);
        var source = AddPictures(api, images);
        File.WriteAllText(Path.Combine(api.Folder, "some", "broken.png"), "not a picture");
        Assert.Contains(why, (string?)(await TryAsync(api, source))["hoursUnknown"]);
    }

    /// <returns>The source.</returns>
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
