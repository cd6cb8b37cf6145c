using System.Net;
using System.Net.Sockets;
using AgCam.Pipeline.Tests.Running;
using AgCam.Worker;
using Xunit;

namespace AgCam.Pipeline.Tests.Worker;

public sealed class WorkerHealthTests
{
    [Fact]
    public async Task A_worker_is_live_and_ready_once_it_takes_work_and_gone_once_it_has_stopped()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var url = $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/";
        listener.Stop();
        using var pictures = new Pictures(0);
        using var http = new HttpClient { BaseAddress = new Uri(url) };
        await using var worker = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions { HealthListen = url });
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("health/live"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("health/ready"));
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync("anything"));
        await worker.StopAsync();
        await Assert.ThrowsAsync<HttpRequestException>(() => StatusAsync("health/live"));

        async Task<HttpStatusCode> StatusAsync(string path)
        {
            using var answer = await http.GetAsync(path, TestContext.Current.CancellationToken);
            return answer.StatusCode;
        }
    }
}
