using System.Net;
using Microsoft.Extensions.DependencyInjection;

namespace AgCam.Api.Tests;

public sealed class RetentionTests
{
    [Fact]
    public async Task What_is_older_than_it_may_be_is_deleted_and_the_rest_stays()
    {
        var clock = new SteppingClock();
        await using var api = await RunningApi.StartAsync(clock: clock);
        var old = await api.ExplainAsync(RunningApi.Picture(1));
        clock.Advance(TimeSpan.FromDays(8));
        var young = await api.ExplainAsync(RunningApi.Picture(2));

        var (uploads, requests, explanations) = await api.App.Services.GetRequiredService<Retention>().RunAsync(TestContext.Current.CancellationToken);
        Assert.Equal((1, 1, 0), (uploads, requests, explanations));
        Assert.Equal(HttpStatusCode.Gone, (await api.Client.GetAsync((string?)old["explanation"]!["targets"]![0]!["overlay"])).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await api.Client.GetAsync((string?)old["explanation"]!["targets"]![0]!["heatmap"])).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await api.Client.GetAsync((string?)young["explanation"]!["targets"]![0]!["overlay"])).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await api.Client.GetAsync($"/v1/requests/{(string?)old["id"]}")).StatusCode);
    }

    /// <summary>Real time, moved on by what a test asks for.</summary>
    private sealed class SteppingClock : TimeProvider
    {
        private TimeSpan _by;

        public void Advance(TimeSpan by) => _by += by;

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + _by;
    }
}
