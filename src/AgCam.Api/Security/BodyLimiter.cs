using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Http.Features;

namespace AgCam.Api.Security;

/// <summary>
/// Limits request bodies: bytes in transfer, in all and per key; bytes a minute per key; and seconds per body. Every body counts with its
/// declared length, or with the limit of its route.
/// </summary>
internal sealed class BodyLimiter : IDisposable
{
    private const int Unit = 1024; // permits are 32 bits

    /// <summary>Minimum that a body counts, in bytes: about the size of its buffers.</summary>
    private const long Minimum = 128 << 10;

    private static readonly TimeSpan Later = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(10);

    private readonly ApiOptions _options;
    private readonly ByteRate _rate;
    private readonly int _largest;
    private readonly PartitionedRateLimiter<string> _underWay;

    public BodyLimiter(ApiOptions options, ApiKeys keys, ByteRate rate)
    {
        var all = Permits(options.MaxReceivingBytes);
        _options = options;
        _rate = rate;
        _largest = keys.AreConfigured ? Math.Min(all, Permits(options.MaxReceivingBytesPerKey)) : all;
        _underWay = PartitionedRateLimiter.CreateChained(
            PartitionedRateLimiter.Create<string, string>(key => RateLimitPartition.GetConcurrencyLimiter(key, _ => Limit(_largest))),
            PartitionedRateLimiter.Create<string, string>(_ => RateLimitPartition.GetConcurrencyLimiter("all", _ => Limit(all)))
        );
    }

    /// <summary>Must run after authorization: bytes are counted per key name.</summary>
    public async Task RunAsync(HttpContext http, RequestDelegate next)
    {
        if (
            http.User.Identity is not { IsAuthenticated: true, Name: { } key }
            || http.Features.Get<IHttpRequestBodyDetectionFeature>() is not { CanHaveBody: true }
        )
        {
            await next(http);
            return;
        }
        var declared = http.Request.ContentLength;
        var limit = http.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize ?? long.MaxValue;
        using var lease = _underWay.AttemptAcquire(key, Math.Min(_largest, Permits(Math.Max(Minimum, Math.Min(declared ?? limit, limit)))));
        if (!lease.IsAcquired)
        {
            await RefuseAsync(http, "busy", "The process receives as many bytes as it may at a time, of this key or of all keys.", Later);
            return;
        }
        if (_rate.Take(key, Math.Min(declared ?? 0, limit)) is { } after)
        {
            await RefuseAsync(http, "rate-limited", "The key has reached its limit of bytes per minute.", after);
            return;
        }
        using var time = new CancellationTokenSource(TimeSpan.FromSeconds(_options.MaxBodySeconds));
        await using var body = new LimitedBody(
            http.Request.Body,
            _options.MaxBodySeconds,
            time.Token,
            read =>
            {
                lease.Dispose(); // the body has ended; the route may continue
                if (declared is null)
                    _rate.Charge(key, read);
            }
        );
        http.Request.Body = body;
        await next(http);
    }

    public void Dispose() => _underWay.Dispose();

    /// <summary>
    /// Answers, then reads and discards the body for a while. Closing a connection while the client still sends resets it, and the client
    /// loses the answer.
    /// </summary>
    private static async Task RefuseAsync(HttpContext http, string code, string detail, TimeSpan after)
    {
        await Problem.Later(http, StatusCodes.Status429TooManyRequests, code, detail, after).ExecuteAsync(http);
        await http.Response.CompleteAsync();
        if (http.Request.Headers.Expect.Count > 0)
            return; // the client waits for 100 Continue and sends nothing
        using var time = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        time.CancelAfter(DrainTime);
        try
        {
            await http.Request.Body.CopyToAsync(Stream.Null, time.Token);
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException)
        {
            // It goes on for too long, or has gone: the server closes the connection.
        }
    }

    private static int Permits(long bytes) => (int)Math.Clamp((bytes + Unit - 1) / Unit, 1, int.MaxValue);

    private static ConcurrencyLimiterOptions Limit(int permits) => new() { PermitLimit = permits, QueueLimit = 0 };

    /// <param name="ended">Called once with the bytes read, at the end of the body or of the request.</param>
    private sealed class LimitedBody(Stream body, double seconds, CancellationToken time, Action<long> ended) : Stream
    {
        private long _read;
        private bool _hasEnded;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(time, cancellationToken);
            try
            {
                var read = await body.ReadAsync(buffer, either.Token);
                _read += read;
                if (read == 0 && buffer.Length > 0)
                    End();
                return read;
            }
            catch (OperationCanceledException) when (time.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                throw new BadHttpRequestException(
                    FormattableString.Invariant($"The body was not complete after {seconds} s."),
                    StatusCodes.Status408RequestTimeout
                );
            }
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) =>
            throw new NotSupportedException("Bodies are read asynchronously.");

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() { }

        protected override void Dispose(bool disposing)
        {
            End();
            base.Dispose(disposing);
        }

        private void End()
        {
            if (_hasEnded)
                return;
            _hasEnded = true;
            ended(_read);
        }
    }
}
