using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using AgCam.Api.Security;
using Microsoft.Extensions.Logging;

namespace AgCam.Api.Tests.Security;

/// <summary>A body that is refused before its end is the client's fault: the operator's log has neither warning nor error of it.</summary>
public sealed class RefusedBodyTests
{
    private const string Part = "--x\r\nContent-Disposition: form-data; name=";

    private static readonly byte[] Spaces = [.. Enumerable.Repeat((byte)' ', 100)];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public Task Body_that_exceeds_its_time_logs_no_error() =>
        AssertQuietAsync(
            new ApiOptions { MaxBodySeconds = 1, MinUploadBytesPerSecond = 1 },
            "/v1/uploads",
            "Content-Type: image/png\r\nContent-Length: 100000",
            "HTTP/1.1 408"
        );

    [Fact]
    public Task Json_that_exceeds_its_time_logs_no_error() =>
        AssertQuietAsync(
            new ApiOptions { MaxBodySeconds = 1, MinUploadBytesPerSecond = 1 },
            "/v1/jobs",
            "Content-Type: application/json\r\nContent-Length: 100000",
            "HTTP/1.1 408"
        );

    [Fact]
    public Task Body_below_the_minimum_rate_logs_no_error() =>
        AssertQuietAsync(
            new ApiOptions { MinUploadBytesPerSecond = 100_000 },
            "/v1/uploads",
            "Content-Type: image/png\r\nContent-Length: 1000000",
            "HTTP/1.1 408"
        );

    [Fact]
    public Task Body_beyond_the_byte_rate_logs_no_error() =>
        AssertQuietAsync(
            new ApiOptions { BytesPerMinute = 1024, MinUploadBytesPerSecond = 1 },
            "/v1/uploads",
            "Content-Type: image/png\r\nContent-Length: 100000",
            "HTTP/1.1 429",
            first: [.. RunningApi.Picture(1), .. new byte[5000]]
        );

    [Fact]
    public Task Body_without_a_key_logs_no_error() =>
        AssertQuietAsync(
            new ApiOptions { Keys = [ApiKey.Create("sender", Scope.Submit).Entry], MinUploadBytesPerSecond = 1 },
            "/v1/uploads",
            "Content-Type: image/png\r\nContent-Length: 100000",
            "HTTP/1.1 401"
        );

    [Fact]
    public Task Body_over_the_size_limit_logs_no_error() =>
        AssertQuietAsync(
            new ApiOptions { MaxUploadBytes = 1000, MinUploadBytesPerSecond = 1 },
            "/v1/uploads",
            "Content-Type: image/png\r\nContent-Length: 100000",
            "HTTP/1.1 413"
        );

    [Fact]
    public Task Form_that_is_refused_at_its_first_field_logs_no_error() =>
        AssertQuietAsync(
            new ApiOptions { MinUploadBytesPerSecond = 1 },
            "/v1/explanations",
            "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000",
            "HTTP/1.1 400",
            body: $"{Part}\"colour\"\r\n\r\nred\r\n{Part}\"image\"; filename=\"a.png\"\r\n\r\n"
        );

    /// <summary>Sends the body in small pieces until the server closes the connection.</summary>
    private static async Task AssertQuietAsync(
        ApiOptions options,
        string path,
        string headers,
        string answer,
        string body = "",
        byte[]? first = null
    )
    {
        var log = new WarningLog();
        await using (var api = await RunningApi.StartAsync(options, worker: false, configure: builder => builder.Logging.AddProvider(log)))
        {
            if (first is not null)
                (await api.SendAsync(HttpMethod.Post, path, new ByteArrayContent(first))).EnsureSuccessStatusCode();
            using var connection = new TcpClient();
            await connection.ConnectAsync(IPAddress.Loopback, api.Client.BaseAddress!.Port, Cancel);
            await using var stream = connection.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n\r\n{body}"), Cancel);
            Assert.StartsWith(answer, await ReadWhileSendingAsync(stream));
        }
        Assert.Empty(log.Lines);
    }

    private static async Task<string> ReadWhileSendingAsync(NetworkStream stream)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(90));
        using var answer = new MemoryStream();
        try
        {
            var reading = stream.CopyToAsync(answer, limit.Token);
            while (!reading.IsCompleted)
            {
                await stream.WriteAsync(Spaces, limit.Token);
                await Task.WhenAny(reading, Task.Delay(50, limit.Token));
            }
            await reading;
        }
        catch (IOException)
        {
            // The server has closed the connection.
        }
        return Encoding.ASCII.GetString(answer.ToArray());
    }

    private sealed class WarningLog : ILoggerProvider
    {
        public ConcurrentQueue<string> Lines { get; } = [];

        public ILogger CreateLogger(string categoryName) => new Category(categoryName, Lines);

        public void Dispose() { }

        private sealed class Category(string name, ConcurrentQueue<string> lines) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state)
                where TState : notnull => null;

            public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

            public void Log<TState>(
                LogLevel logLevel,
                EventId eventId,
                TState state,
                Exception? exception,
                Func<TState, Exception?, string> formatter
            )
            {
                if (IsEnabled(logLevel) && name != "AgCam.Audit") // who was refused is a warning of its own
                    lines.Enqueue($"{logLevel} {name}: {formatter(state, exception)} {exception?.Message}");
            }
        }
    }
}
