using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace AgCam.Testing;

/// <summary>Request of a client.</summary>
internal sealed record HubRequest(string Method, string Path, string Host, string? Authorization, long From);

/// <summary>
/// Serves one model by the Hub's protocol over raw sockets, so that it can fail on purpose. Large files are redirected from 127.0.0.1 to
/// localhost, which is another host to a client.
/// </summary>
internal sealed class LocalHub : IDisposable
{
    public const string Repo = "org/tiny-vit";
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;
    private readonly ConcurrentQueue<HubRequest> _requests = new();

    public LocalHub(params string[] folder)
    {
        if (folder.Length > 0)
            foreach (
                var path in Directory
                    .GetFiles(Fixture.Path(folder))
                    .Where(path => !path.EndsWith("golden.safetensors", StringComparison.Ordinal))
            )
                Files[Path.GetFileName(path)] = File.ReadAllBytes(path);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public Dictionary<string, byte[]> Files { get; } = [];

    public string Endpoint => $"http://127.0.0.1:{Port}";

    public IReadOnlyList<HubRequest> Requests => [.. _requests];

    /// <summary>Number of transfers of large files.</summary>
    public IEnumerable<HubRequest> Transfers =>
        Requests.Where(request => request.Method == "GET" && request.Path.StartsWith("/store/", StringComparison.Ordinal));

    /// <summary>Numbers of bytes after which the next transfers break off.</summary>
    public Queue<int> BreakOff { get; } = new();

    /// <summary>Statuses and X-Error-Codes (unless empty) of the next responses.</summary>
    public Queue<(int Status, string Code)> Refuse { get; } = new();

    /// <summary>Status of every response.</summary>
    public (int Status, string Code)? RefuseAll { get; set; }

    public string? RequiredToken { get; set; }

    /// <summary>Former name of the model; requests for it are redirected by a relative URL.</summary>
    public string? FormerRepo { get; set; }

    /// <summary>Commit of every revision.</summary>
    public string Head { get; init; } = Commit;

    /// <summary>False size that is announced for large files.</summary>
    public long? ClaimedSize { get; set; }

    public bool IgnoresRanges { get; set; }

    public bool IsSilent { get; set; }

    /// <summary>Changes the bytes of a transfer.</summary>
    public Func<byte[], byte[]> Tamper { get; set; } = bytes => bytes;

    private int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public static string Sha256(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>Returns git's blob hash, the ETag of a small file.</summary>
    public static string GitId(byte[] bytes) =>
        Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {bytes.Length}\0"), .. bytes]));

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Stop();
        try
        {
            _accepting.Wait();
        }
        catch (AggregateException)
        {
            // The server is stopped.
        }
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            var client = await _listener.AcceptTcpClientAsync(_stop.Token);
            _ = Task.Run(() => ServeAsync(client));
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            using (client)
            {
                var stream = client.GetStream();
                using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
                var start = (await reader.ReadLineAsync(_stop.Token))?.Split(' ');
                if (start is not [var method, var path, ..])
                    return;
                var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
                while (await reader.ReadLineAsync(_stop.Token) is { Length: > 0 } line)
                    headers[line[..line.IndexOf(':')]] = line[(line.IndexOf(':') + 1)..].Trim();
                var from = headers.TryGetValue("Range", out var range)
                    ? long.Parse(range.AsSpan("bytes=".Length).TrimEnd('-'), CultureInfo.InvariantCulture)
                    : 0;
                var request = new HubRequest(method, path, headers["Host"].Split(':')[0], headers.GetValueOrDefault("Authorization"), from);
                _requests.Enqueue(request);
                if (IsSilent)
                    await Task.Delay(Timeout.Infinite, _stop.Token);
                await AnswerAsync(stream, request);
            }
        }
        catch (Exception error) when (error is IOException or OperationCanceledException or SocketException)
        {
            // The client disconnected, or the test is over.
        }
    }

    private async Task AnswerAsync(Stream stream, HubRequest request)
    {
        (int Status, string Code)? refusal = RefuseAll;
        lock (Refuse)
            if (Refuse.TryDequeue(out var next))
                refusal = next;
        if (
            refusal is null
            && RequiredToken is not null
            && request.Host == "127.0.0.1"
            && request.Authorization != $"Bearer {RequiredToken}"
        )
            refusal = (401, "RepoNotFound");
        if (refusal is { } refused)
            await SendAsync(stream, request, refused.Status, refused.Code.Length > 0 ? [$"X-Error-Code: {refused.Code}"] : [], []);
        else if (FormerRepo is not null && request.Path.Contains(FormerRepo, StringComparison.Ordinal))
            await SendAsync(stream, request, 307, [$"Location: {request.Path.Replace(FormerRepo, Repo, StringComparison.Ordinal)}"], []);
        else if (request.Path.StartsWith("/store/", StringComparison.Ordinal))
            await TransferAsync(stream, request, Files[request.Path["/store/".Length..]]);
        else if (request.Path.StartsWith($"/api/models/{Repo}/revision/", StringComparison.Ordinal))
            await SendAsync(
                stream,
                request,
                200,
                ["Content-Type: application/json"],
                JsonSerializer.SerializeToUtf8Bytes(
                    new
                    {
                        id = Repo,
                        sha = Head,
                        siblings = Files.Keys.Select(name => new { rfilename = name }),
                    }
                )
            );
        else if (
            request.Path.StartsWith($"/{Repo}/resolve/{Head}/", StringComparison.Ordinal)
            && Files.TryGetValue(request.Path.Split('/')[^1], out var bytes)
        )
            await ResolveAsync(stream, request, bytes);
        else
            await SendAsync(stream, request, 404, ["X-Error-Code: EntryNotFound"], []);
    }

    private async Task ResolveAsync(Stream stream, HubRequest request, byte[] bytes)
    {
        var name = request.Path.Split('/')[^1];
        if (name.EndsWith(".safetensors", StringComparison.Ordinal))
            await SendAsync(
                stream,
                request,
                302,
                [
                    $"X-Repo-Commit: {Head}",
                    $"X-Linked-Etag: \"{Sha256(bytes)}\"",
                    $"X-Linked-Size: {ClaimedSize ?? bytes.Length}",
                    $"Location: http://localhost:{Port}/store/{name}",
                ],
                []
            );
        else
            await SendAsync(stream, request, 200, [$"X-Repo-Commit: {Head}", $"ETag: \"{GitId(bytes)}\""], bytes);
    }

    private async Task TransferAsync(Stream stream, HubRequest request, byte[] bytes)
    {
        var from = IgnoresRanges ? 0 : request.From;
        var part = Tamper(bytes)[(int)from..];
        var length = part.Length;
        lock (BreakOff)
            if (BreakOff.TryDequeue(out var maximum))
                part = part[..Math.Min(maximum, part.Length)];
        string[] headers = from > 0 ? [$"Content-Range: bytes {from}-{bytes.Length - 1}/{bytes.Length}"] : [];
        await SendAsync(stream, request, from > 0 ? 206 : 200, headers, part, length);
    }

    private static async Task SendAsync(
        Stream stream,
        HubRequest request,
        int status,
        IEnumerable<string> headers,
        byte[] body,
        int? claimed = null
    )
    {
        var head = new StringBuilder($"HTTP/1.1 {status} -\r\nConnection: close\r\nContent-Length: {claimed ?? body.Length}\r\n");
        foreach (var header in headers)
            head.Append(header).Append("\r\n");
        await stream.WriteAsync(Encoding.ASCII.GetBytes(head.Append("\r\n").ToString()));
        if (request.Method != "HEAD")
            await stream.WriteAsync(body);
        await stream.FlushAsync();
    }
}
