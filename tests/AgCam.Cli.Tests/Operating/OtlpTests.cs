using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Xunit;

namespace AgCam.Cli.Tests.Operating;

/// <summary>Tests that OpenTelemetry's variables enable traces, metrics and logs.</summary>
public class OtlpTests
{
    [Fact]
    public async Task Traces_metrics_and_logs_go_to_the_collector_that_the_environment_names()
    {
        using var folder = SomeImages.Folder(2);
        using var state = new TemporaryFolder();
        using var collector = new Collector();
        using var serving = ServingProcess.Start(
            state["agcam.db"],
            folder.Path,
            [],
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Url),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "500"),
            ("OTEL_BSP_SCHEDULE_DELAY", "200"),
            ("OTEL_BLRP_SCHEDULE_DELAY", "200"),
            ("Logging__LogLevel__AgCam", "Debug")
        );
        Assert.Equal(0, serving.Run("submit", folder["000.png"], "--wait").Code);
        Assert.Equal(0, serving.Run("submit", folder.Path, "--wait").Code);

        (string Path, string Text)[] wanted =
        [
            ("/v1/traces", "POST /v1/explanations"),
            ("/v1/traces", "explain"),
            ("/v1/traces", "store chunks.save"),
            ("/v1/metrics", "agcam.images"),
            ("/v1/metrics", "agcam.stage.duration"),
            ("/v1/metrics", "agcam.backlog"),
            ("/v1/logs", "Saved: 2 completed, 0 failed"),
            ("/v1/traces", "agcam-serve"),
        ];
        await Eventually.TrueAsync(
            () => wanted.All(item => collector.Holds(item.Path, item.Text)),
            () => $"Missing: {string.Join(", ", wanted.Where(item => !collector.Holds(item.Path, item.Text)))}"
        );
        Assert.Equal(0, serving.Stop());
    }

    /// <summary>Receives exports. Protobuf stores strings as they are, so tests search the bytes.</summary>
    private sealed class Collector : IDisposable
    {
        private readonly HttpListener _listener = new();
        private readonly ConcurrentQueue<(string Path, string Body)> _taken = new();

        public Collector()
        {
            Url = $"http://127.0.0.1:{ServingProcess.FreePort()}";
            _listener.Prefixes.Add(Url + "/");
            _listener.Start();
            _ = Task.Run(TakeAsync);
        }

        public string Url { get; }

        public bool Holds(string path, string text) =>
            _taken.Any(item => item.Path == path && item.Body.Contains(text, StringComparison.Ordinal));

        public void Dispose() => _listener.Close();

        private async Task TakeAsync()
        {
            try
            {
                while (true)
                {
                    var call = await _listener.GetContextAsync();
                    using var body = new MemoryStream();
                    await call.Request.InputStream.CopyToAsync(body);
                    _taken.Enqueue((call.Request.Url!.AbsolutePath, Encoding.Latin1.GetString(body.ToArray())));
                    call.Response.Close();
                }
            }
            catch (Exception closed) when (closed is HttpListenerException or ObjectDisposedException)
            {
                // The test is over.
            }
        }
    }
}
