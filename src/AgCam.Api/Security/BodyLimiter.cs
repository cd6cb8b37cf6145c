using System.Buffers;
using System.IO.Pipelines;
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

    /// <summary>Kestrel reads on for five seconds more.</summary>
    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(5);

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
        await using var body = new LimitedBody(
            http.Request.BodyReader,
            TimeSpan.FromSeconds(_options.MaxBodySeconds),
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
        await using var body = new LimitedBody(http.Request.BodyReader, DrainTime, _ => { });
        try
        {
            await body.CopyToAsync(Stream.Null, http.RequestAborted);
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException)
        {
            // It goes on for too long, or has gone: the server closes the connection.
        }
    }

    private static int Permits(long bytes) => (int)Math.Clamp((bytes + Unit - 1) / Unit, 1, int.MaxValue);

    private static ConcurrencyLimiterOptions Limit(int permits) => new() { PermitLimit = permits, QueueLimit = 0 };

    /// <summary>
    /// Reads a body for a limited time. It ends a read by CancelPendingRead, never by a token: after a read that a token cancels, Kestrel
    /// cannot discard the rest of the body, and logs that as an error.
    /// </summary>
    private sealed class LimitedBody : Stream
    {
        private readonly PipeReader _reader;
        private readonly TimeSpan _limit;
        private readonly CancellationTokenSource _time;
        private readonly CancellationTokenRegistration _timeOver;
        private readonly Action<long> _ended;
        private long _read;
        private bool _hasEnded;

        /// <param name="ended">Called once with the bytes read, at the end of the body or of the request.</param>
        public LimitedBody(PipeReader reader, TimeSpan limit, Action<long> ended)
        {
            (_reader, _limit, _ended) = (reader, limit, ended);
            _time = new CancellationTokenSource(limit);
            _timeOver = _time.Token.UnsafeRegister(_ => reader.CancelPendingRead(), null);
        }

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
            await using var cancelling = cancellationToken.UnsafeRegister(_ => _reader.CancelPendingRead(), null);
            while (true)
            {
                ThrowIfOver(cancellationToken);
                var result = await _reader.ReadAsync(CancellationToken.None);
                var read = (int)Math.Min(buffer.Length, result.Buffer.Length);
                result.Buffer.Slice(0, read).CopyTo(buffer.Span);
                _reader.AdvanceTo(result.Buffer.GetPosition(read));
                _read += read;
                if (read == 0 && buffer.Length > 0 && !result.IsCompleted)
                    continue; // cancelled, or nothing has come yet
                if (read == 0 && buffer.Length > 0)
                    End();
                return read;
            }
        }

        private void ThrowIfOver(CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (_time.IsCancellationRequested)
                throw new BadHttpRequestException(
                    FormattableString.Invariant($"The body was not complete after {_limit.TotalSeconds} s."),
                    StatusCodes.Status408RequestTimeout
                );
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
            _timeOver.Dispose(); // waits for a running callback, since the reader serves the next request too
            _time.Dispose();
            End();
            base.Dispose(disposing);
        }

        private void End()
        {
            if (_hasEnded)
                return;
            _hasEnded = true;
            _ended(_read);
        }
    }
}
