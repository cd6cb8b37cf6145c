using System.Net;
using System.Net.Sockets;
using AgCam.Pipeline.Messages;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Worker.Tests;

public sealed class WorkerHealthTests
{
    [Fact]
    public async Task Worker_is_live_and_ready_while_it_consumes_and_unreachable_after_its_stop()
    {
        var url = FreeUrl();
        using var pictures = new Pictures(0);
        using var http = new HttpClient { BaseAddress = new Uri(url) };
        await using var worker = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions { HealthListen = url });
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(http, "health/live"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(http, "health/ready"));
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(http, "anything"));
        await worker.StopAsync();
        await Assert.ThrowsAsync<HttpRequestException>(() => StatusAsync(http, "health/live"));
    }

    [Fact]
    public async Task Worker_is_unready_until_its_models_are_warmed_up()
    {
        var url = FreeUrl();
        using var pictures = new Pictures(0);
        using var http = new HttpClient { BaseAddress = new Uri(url) };
        var options = Processes.Options(pictures) with
        {
            Models = new Dictionary<string, string>
            {
                ["one"] = Repository.Model("timm_vit"),
                ["two"] = Repository.Model("timm_registers"),
            },
        };
        var loader = new GatedLoader();
        var starting = Processes.StartAsync(options, new WorkerOptions { HealthListen = url, WarmUp = ["two", "one"] }, loader);
        try
        {
            foreach (var (loaded, model) in new[] { "two", "one" }.Index()) // in the configured order
            {
                await Eventually.TrueAsync(() => loader.Asked.Count == loaded + 1);
                Assert.Equal(model, loader.Asked[loaded]);
                Assert.Equal(HttpStatusCode.OK, await StatusAsync(http, "health/live"));
                Assert.Equal(HttpStatusCode.ServiceUnavailable, await StatusAsync(http, "health/ready"));
                Assert.False(starting.IsCompleted);
                loader.Gate.Release();
            }
            await starting;
            Assert.Equal(HttpStatusCode.OK, await StatusAsync(http, "health/ready"));
        }
        finally
        {
            loader.Gate.Release(2);
            await (await starting).DisposeAsync();
        }
    }

    private static string FreeUrl()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/";
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient http, string path)
    {
        using var answer = await http.GetAsync(path, TestContext.Current.CancellationToken);
        return answer.StatusCode;
    }

    /// <summary>Loads a model when the test allows it.</summary>
    private sealed class GatedLoader : IEngineLoader
    {
        private volatile IReadOnlyList<string> _asked = [];

        public SemaphoreSlim Gate { get; } = new(0);

        public IReadOnlyList<string> Asked => _asked;

        public async Task<IExplainEngine> LoadAsync(ModelPin model, string dtype, CancellationToken cancellationToken)
        {
            _asked = [.. _asked, model.Id];
            await Gate.WaitAsync(cancellationToken);
            return new NullEngine(model, dtype);
        }
    }
}
