using System.Collections.Concurrent;
using System.Globalization;
using System.Security;
using System.Security.Cryptography;
using AgCam.Pipeline.References;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace AgCam.Testing;

/// <summary>
/// S3 server over HTTP with path-style addresses. Implements what the pipeline uses: ListObjectsV2, GetObject with versions, failures.
/// </summary>
internal sealed class S3Server : IAsyncDisposable
{
    public const string AccessKey = "AKIDTEST";

    private readonly WebApplication _app;
    private readonly string _credentials = Path.GetTempFileName();
    private readonly SortedDictionary<(string Bucket, string Key), List<byte[]>> _objects = new(
        Comparer<(string, string)>.Create(
            (left, right) =>
                string.CompareOrdinal(left.Item1, right.Item1) is not 0 and var order
                    ? order
                    : string.CompareOrdinal(left.Item2, right.Item2)
        )
    );

    private S3Server(WebApplication app)
    {
        _app = app;
        app.Run(AnswerAsync);
        UseKey(AccessKey);
    }

    /// <summary>Received requests, e.g. "GET bucket/key" or "LIST bucket".</summary>
    public ConcurrentQueue<string> Asked { get; } = new();

    /// <summary>Buckets that answer 403.</summary>
    public ConcurrentDictionary<string, bool> Denied { get; } = new();

    /// <summary>Keys that answer 403.</summary>
    public ConcurrentDictionary<string, bool> DeniedKeys { get; } = new();

    /// <summary>Number of next requests that are answered with 503 SlowDown.</summary>
    public int SlowDowns;

    /// <summary>Number of next bodies that end half way.</summary>
    public int Truncations;

    /// <summary>Whether bodies are sent one byte at a time.</summary>
    public bool Dribbles { get; set; }

    public int PageSize { get; init; } = 1000;

    public string Address => _app.Urls.First();

    public S3Options Options =>
        new()
        {
            Buckets = ["*"],
            Endpoint = Address,
            PathStyle = true,
            CredentialsFile = _credentials,
            Tries = 3,
        };

    public static async Task<S3Server> StartAsync(int pageSize = 1000)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        var server = new S3Server(app) { PageSize = pageSize };
        await app.StartAsync();
        return server;
    }

    /// <summary>Sets the key in the client's secret file.</summary>
    public void UseKey(string key) =>
        File.WriteAllText(_credentials, $"[default]\naws_access_key_id = {key}\naws_secret_access_key = secret\n");

    public void CreateBucket(string bucket) => Put(bucket, "", []);

    /// <returns>The version id of the new object.</returns>
    public string Put(string bucket, string key, byte[] bytes)
    {
        lock (_objects)
        {
            if (!_objects.TryGetValue((bucket, key), out var versions))
                _objects[(bucket, key)] = versions = [];
            versions.Add(bytes);
            return $"v{versions.Count}";
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        File.Delete(_credentials);
    }

    private async Task AnswerAsync(HttpContext http)
    {
        var path = http.Request.Path.Value!.TrimStart('/');
        var (bucket, key) = path.Split('/', 2) is [var b, var k] ? (b, k) : (path, "");
        var listing = http.Request.Query["list-type"] == "2";
        Asked.Enqueue(listing ? $"LIST {bucket}" : $"GET {bucket}/{key}");
        if (Interlocked.Decrement(ref SlowDowns) >= 0)
            await FailAsync(http, 503, "SlowDown");
        else if (!http.Request.Headers.Authorization.ToString().Contains($"Credential={AccessKey}/", StringComparison.Ordinal))
            await FailAsync(http, 403, "InvalidAccessKeyId");
        else if (!Exists(bucket))
            await FailAsync(http, 404, "NoSuchBucket");
        else if (Denied.ContainsKey(bucket) || DeniedKeys.ContainsKey(key))
            await FailAsync(http, 403, "AccessDenied");
        else if (listing)
            await ListAsync(http, bucket);
        else
            await GetAsync(http, bucket, key);
    }

    private bool Exists(string bucket)
    {
        lock (_objects)
            return _objects.Keys.Any(key => key.Bucket == bucket);
    }

    private async Task ListAsync(HttpContext http, string bucket)
    {
        var query = http.Request.Query;
        var after = query.TryGetValue("continuation-token", out var token) ? token.ToString() : query["start-after"].ToString();
        List<(string Key, byte[] Bytes)> found;
        lock (_objects)
            found =
            [
                .. _objects
                    .Where(item =>
                        item.Key.Bucket == bucket
                        && item.Key.Key.Length > 0
                        && item.Key.Key.StartsWith(query["prefix"].ToString(), StringComparison.Ordinal)
                        && string.CompareOrdinal(item.Key.Key, after) > 0
                    )
                    .Take(PageSize + 1)
                    .Select(item => (item.Key.Key, item.Value[^1])),
            ];
        var more = found.Count > PageSize;
        if (more)
            found.RemoveAt(PageSize);
        var contents = string.Concat(
            found.Select(item =>
                $"<Contents><Key>{SecurityElement.Escape(item.Key)}</Key><ETag>&quot;{ETag(item.Bytes)}&quot;</ETag>"
                + $"<Size>{item.Bytes.Length}</Size><LastModified>2024-11-23T00:00:00.000Z</LastModified></Contents>"
            )
        );
        http.Response.ContentType = "application/xml";
        var next = more ? $"<NextContinuationToken>{SecurityElement.Escape(found[^1].Key)}</NextContinuationToken>" : "";
        await http.Response.WriteAsync(
            "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                + $"<Name>{bucket}</Name><KeyCount>{found.Count}</KeyCount><MaxKeys>{PageSize}</MaxKeys>"
                + $"<IsTruncated>{(more ? "true" : "false")}</IsTruncated>{next}{contents}</ListBucketResult>"
        );
    }

    private async Task GetAsync(HttpContext http, string bucket, string key)
    {
        byte[]? bytes = null;
        var version = http.Request.Query["versionId"].ToString();
        lock (_objects)
            if (_objects.TryGetValue((bucket, key), out var versions) && key.Length > 0)
                bytes =
                    version.Length == 0
                        ? versions[^1]
                        : versions.ElementAtOrDefault(int.Parse(version[1..], CultureInfo.InvariantCulture) - 1);
        if (bytes is null)
        {
            await FailAsync(http, 404, version.Length == 0 ? "NoSuchKey" : "NoSuchVersion");
            return;
        }
        http.Response.Headers.ETag = $"\"{ETag(bytes)}\"";
        http.Response.ContentLength = bytes.Length;
        if (Interlocked.Decrement(ref Truncations) >= 0)
        {
            await http.Response.Body.WriteAsync(bytes.AsMemory(0, bytes.Length / 2));
            await http.Response.Body.FlushAsync();
            http.Abort();
            return;
        }
        foreach (var part in Dribbles ? bytes.Chunk(1) : [bytes])
        {
            await http.Response.Body.WriteAsync(part, http.RequestAborted);
            if (Dribbles)
                await Task.Delay(50, http.RequestAborted);
        }
    }

    private static string ETag(byte[] bytes) => Convert.ToHexStringLower(MD5.HashData(bytes));

    private static async Task FailAsync(HttpContext http, int status, string code)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/xml";
        await http.Response.WriteAsync(
            $"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>said the server</Message><RequestId>1</RequestId></Error>"
        );
    }
}
