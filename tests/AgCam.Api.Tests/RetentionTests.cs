using System.Net;
using System.Text.Json.Nodes;
using AgCam.Pipeline.Stores;
using Microsoft.Extensions.DependencyInjection;

namespace AgCam.Api.Tests;

public sealed class RetentionTests
{
    [Fact]
    public async Task Expired_records_are_deleted_and_the_rest_stays()
    {
        var clock = new SteppingClock();
        await using var api = await RunningApi.StartAsync(clock: clock);
        var old = await api.ExplainAsync(RunningApi.Picture(1));
        clock.Advance(TimeSpan.FromDays(8));
        var young = await api.ExplainAsync(RunningApi.Picture(2));

        var report = await api.App.Services.GetRequiredService<Retention>().RunAsync(TestContext.Current.CancellationToken);
        Assert.Equal(new RetentionReport(Jobs: 0, Items: 0, Uploads: 1, Requests: 1, Explanations: 0), report);
        Assert.Equal(HttpStatusCode.Gone, (await api.Client.GetAsync((string?)old["explanation"]!["targets"]![0]!["overlay"])).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await api.Client.GetAsync((string?)old["explanation"]!["targets"]![0]!["heatmap"])).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await api.Client.GetAsync((string?)young["explanation"]!["targets"]![0]!["overlay"])).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await api.Client.GetAsync($"/v1/requests/{(string?)old["id"]}")).StatusCode);
    }

    [Fact]
    public async Task Jobs_and_request_items_are_kept_unless_days_are_configured()
    {
        var clock = new SteppingClock();
        await using var api = await RunningApi.StartAsync(clock: clock);
        var job = await DoneAsync(api, 1);
        clock.Advance(TimeSpan.FromDays(400));

        var report = await api.App.Services.GetRequiredService<Retention>().RunAsync(TestContext.Current.CancellationToken);

        Assert.Equal(0, report.Jobs);
        Assert.Equal(HttpStatusCode.OK, (await api.Client.GetAsync(job)).StatusCode);
    }

    [Fact]
    public async Task Jobs_and_request_items_are_deleted_after_their_configured_days()
    {
        var clock = new SteppingClock();
        var kept = new RetentionOptions { JobDays = 30, ExplanationDays = 3650 };
        var options = new ApiOptions { Listen = "http://127.0.0.1:0", Retention = kept };
        await using var api = await RunningApi.StartAsync(options, clock: clock);
        var old = await DoneAsync(api, 1);
        var request = (string?)(await api.ExplainAsync(RunningApi.Picture(2)))["id"];
        clock.Advance(TimeSpan.FromDays(29));
        var young = await DoneAsync(api, 3);
        var retention = api.App.Services.GetRequiredService<Retention>();
        Assert.Equal((0, 0), await DeletedAsync());

        clock.Advance(TimeSpan.FromDays(2));
        Assert.Equal((1, 1), await DeletedAsync());
        Assert.Equal((0, 0), await DeletedAsync());

        Assert.Equal(HttpStatusCode.NotFound, (await api.Client.GetAsync(old)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await api.Client.GetAsync($"/v1/requests/{request}")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await api.Client.GetAsync(young)).StatusCode);
        Assert.Single((await api.GetAsync($"{young}/items"))["items"]!.AsArray());

        async Task<(int Jobs, int Items)> DeletedAsync()
        {
            var report = await retention.RunAsync(TestContext.Current.CancellationToken);
            return (report.Jobs, report.Items);
        }
    }

    /// <returns>The address of a job with one image, after it has ended and its completion was published.</returns>
    private static async Task<string> DoneAsync(RunningApi api, int picture)
    {
        api.AddPicture(picture, $"{picture}/a.png");
        var folder = Path.Combine(api.Folder, $"{picture}");
        var answer = await api.SendJsonAsync("/v1/jobs", new JsonObject { ["source"] = $"folder:{folder}" });
        var at = answer.Headers.Location!.ToString();
        Assert.Equal("Completed", (string?)(await api.GetAsync($"{at}?wait=30"))["state"]);
        var store = api.App.Services.GetRequiredService<IStore>();
        await Eventually.TrueAsync(async () => (await store.Jobs.PendingNotificationsAsync()).Count == 0);
        return at;
    }

    /// <summary>Real time plus the time by which the test has advanced it.</summary>
    private sealed class SteppingClock : TimeProvider
    {
        private TimeSpan _by;

        public void Advance(TimeSpan by) => _by += by;

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + _by;
    }
}
