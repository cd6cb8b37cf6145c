using System.Net;
using System.Net.Sockets;
using AgCam.Images;

namespace AgCam.Pipeline.References;

/// <summary>
/// Images by http and https, from hosts that the operator allows. A name may point anywhere, and somewhere else at the next look, so the address is judged at the
/// moment of connecting; every redirect is judged like the first address.
/// </summary>
internal sealed class HttpImages : IDisposable
{
    private const int MaxRedirects = 3, Tries = 3;

    private readonly ReferenceOptions _options;
    private readonly IPNetwork[] _own;
    private readonly HttpClient _client;

    /// <exception cref="OptionsException">A network is not written as address/length.</exception>
    public HttpImages(ReferenceOptions options)
    {
        _options = options;
        _own = [.. options.Networks.Select(text => IPNetwork.TryParse(text, out var network)
            ? network
            : throw new OptionsException($"The network \"{text}\" is not written like 10.1.0.0/16."))];
        _client = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectCallback = ConnectAsync,
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),
            ConnectTimeout = TimeSpan.FromSeconds(10),
            MaxResponseHeadersLength = 32,
        })
        { Timeout = Timeout.InfiniteTimeSpan };
        _client.DefaultRequestHeaders.UserAgent.ParseAdd("agcam");
    }

    /// <exception cref="ImageException">not-allowed, not-found, too-many-bytes, or unreachable after several tries.</exception>
    public async Task<byte[]> ReadAsync(string uri, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            using var time = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            time.CancelAfter(TimeSpan.FromSeconds(_options.HttpSeconds));
            try
            {
                return await FollowAsync(new Uri(uri), time.Token);
            }
            catch (Exception e) when (Refused(e) is { } refused)
            {
                throw refused;
            }
            catch (Exception e) when (e is HttpRequestException or IOException or SocketException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
            {
                if (attempt == Tries)
                    throw new ImageException(ReferenceFailure.Unreachable, $"{uri} could not be fetched in {Tries} tries: {(e is OperationCanceledException ? $"no answer in {_options.HttpSeconds} seconds" : e.Message)}", e);
                await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(100, 300) * (1 << attempt)), cancel);
            }
        }
    }

    public void Dispose() => _client.Dispose();

    private async Task<byte[]> FollowAsync(Uri uri, CancellationToken cancel)
    {
        for (var redirects = 0; ; redirects++)
        {
            Judge(uri);
            using var answer = await _client.GetAsync(uri, HttpCompletionOption.ResponseHeadersRead, cancel);
            if ((int)answer.StatusCode is >= 300 and < 400 && answer.Headers.Location is { } next)
            {
                if (redirects == MaxRedirects)
                    throw new ImageException(ReferenceFailure.NotAllowed, $"{uri} redirects more than {MaxRedirects} times.");
                uri = new Uri(uri, next);
                continue;
            }
            if (answer.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Gone)
                throw new ImageException(ImageFailure.NotFound, $"{uri} is not there: {(int)answer.StatusCode}.");
            if (answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
                throw new ImageException(ImageFailure.Unreadable, $"{uri} may not be read: {(int)answer.StatusCode}.");
            if (!answer.IsSuccessStatusCode)
                throw new HttpRequestException($"the host answers {(int)answer.StatusCode}");
            return await BytesAsync(answer, uri, cancel);
        }
    }

    private async Task<byte[]> BytesAsync(HttpResponseMessage answer, Uri uri, CancellationToken cancel)
    {
        var most = _options.Limits.MaxBytes;
        if (answer.Content.Headers.ContentLength > most)
            throw TooMany(uri);
        await using var stream = await answer.Content.ReadAsStreamAsync(cancel);
        using var kept = new MemoryStream();
        var buffer = new byte[81920];
        int read;
        while ((read = await stream.ReadAsync(buffer, cancel)) > 0)
        {
            if (kept.Length + read > most)
                throw TooMany(uri);
            kept.Write(buffer, 0, read);
        }
        return kept.ToArray();
    }

    /// <exception cref="ImageException">The host is not allowed.</exception>
    public void Judge(Uri uri)
    {
        if ((uri.Scheme != Uri.UriSchemeHttp && uri.Scheme != Uri.UriSchemeHttps) || uri.UserInfo.Length > 0 || !_options.Hosts.Any(host => Matches(host, uri.IdnHost)))
            throw new ImageException(ReferenceFailure.NotAllowed, $"{uri.GetLeftPart(UriPartial.Authority)} is not a host that may be read from. The operator names hosts with --host.");
    }

    private static bool Matches(string allowed, string host) => allowed.StartsWith("*.", StringComparison.Ordinal)
        ? host.EndsWith(allowed[1..], StringComparison.OrdinalIgnoreCase) && host.Length > allowed.Length - 1
        : string.Equals(allowed, host, StringComparison.OrdinalIgnoreCase);

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancel)
    {
        var addresses = await Dns.GetHostAddressesAsync(context.DnsEndPoint.Host, cancel);
        var allowed = addresses.Where(address => PublicAddress.IsPublic(address) || _own.Any(network => network.Contains(address))).ToArray();
        if (allowed.Length == 0)
            throw new ImageException(ReferenceFailure.NotAllowed, $"{context.DnsEndPoint.Host} has no address on the public internet ({string.Join(", ", addresses.AsEnumerable())}).");
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, context.DnsEndPoint.Port, cancel); // the addresses, not the name: it is not looked up again
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private ImageException TooMany(Uri uri) => new(ImageFailure.TooManyBytes, $"{uri} has more than the {_options.Limits.MaxBytes} bytes that are allowed.");

    /// <summary>The client wraps what the connect callback throws.</summary>
    private static ImageException? Refused(Exception? e) => e switch
    {
        ImageException image => image,
        null => null,
        _ => Refused(e.InnerException),
    };
}
