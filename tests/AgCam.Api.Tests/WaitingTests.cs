using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Messages;
using Microsoft.Extensions.DependencyInjection;

namespace AgCam.Api.Tests;

public sealed class WaitingTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Cancelled_waiter_does_not_fail_the_publisher_of_an_event()
    {
        await using var api = await RunningApi.StartAsync(worker: false);
        var services = api.App.Services;
        var events = services.GetRequiredService<ExplainEvents>();
        using var leaving = new CancellationTokenSource();
        Task? waiting = null;
        // Runs before the waiter's own subscription, when the list of subscribers has been taken.
        using var first = events.Subscribe(_ =>
        {
            leaving.Cancel();
            Assert.True(Task.WhenAny(waiting!).Wait(TimeSpan.FromSeconds(30)));
        });
        var request = new ChunkExplained { Owner = Guid.NewGuid() };
        waiting = services.GetRequiredService<ResultWaiter>().ItemAsync(request.Owner, TimeSpan.FromMinutes(1), leaving.Token);

        await services.GetRequiredService<IExplainBus>().PublishEventAsync(request, Cancel);

        Assert.True(waiting.IsCanceled);
    }
}
