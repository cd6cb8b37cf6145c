using System.Net;
using System.Net.Sockets;
using AgCam.Images;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace AgCam.Pipeline.References;

/// <summary>Reads images over http and https from allowed hosts. Every redirect is checked like the first address.</summary>
internal sealed class HttpImages : IDisposable
{
    private const int MaxRedirects = 3,
        Tries = 3;

    private readonly ReferenceOptions _options;
    private readonly GuardedHosts _hosts;
    private readonly HttpClient _client;
    private readonly HostCircuitBreaker _circuitBreaker;

    /// <param name="lookUp">See <see cref="GuardedHosts"/>.</param>
    /// <exception cref="OptionsException">A host or a network is malformed.</exception>
    public HttpImages(ReferenceOptions options, Func<string, CancellationToken, Task<IPAddress[]>>? lookUp = null)
    {
        _options = options;
        _circuitBreaker = new HostCircuitBreaker(
            new HostRetryOptions(Tries, TimeSpan.FromSeconds(options.HttpSeconds), TimeSpan.FromSeconds(options.HostOutageSeconds)),
            IsTransient,
            IsHostFailure
        );
        _hosts = new GuardedHosts(options.Hosts, options.Networks, ReferenceOptions.HostsSetting, lookUp);
        _client = new HttpClient(_hosts.Handler()) { Timeout = Timeout.InfiniteTimeSpan };
        _client.DefaultRequestHeaders.UserAgent.ParseAdd("agcam");
    }

    /// <summary>Reads an image.</summary>
    /// <exception cref="ImageException">not-allowed, not-found, unreadable, too-many-bytes, or unreachable: after several attempts, or
    /// after the maximum outage of its host.</exception>
    public async Task<byte[]> ReadAsync(string uri, CancellationToken cancellationToken)
    {
        var first = new Uri(uri);
        try
        {
            return await _circuitBreaker.CallAsync(
                first.IdnHost,
                cancellationToken => FollowAsync(first, cancellationToken),
                cancellationToken
            );
        }
        catch (Exception e) when (GuardedHosts.Refused(e) is { } refused)
        {
            throw refused;
        }
        catch (BrokenCircuitException e)
        {
            throw new ImageException(
                ReferenceFailure.Unreachable,
                $"{UriRedaction.Redact(uri)} could not be fetched: its host has failed for more than "
                    + $"{_options.HostOutageSeconds} seconds. Submit it again when the host answers.",
                e
            );
        }
        catch (Exception e) when (e is TimeoutRejectedException || IsTransient(e))
        {
            throw new ImageException(
                ReferenceFailure.Unreachable,
                $"{UriRedaction.Redact(uri)} could not be fetched in {Tries} tries: "
                    + $"{(e is TimeoutRejectedException ? $"no answer in {_options.HttpSeconds} seconds" : e.Message)}",
                e
            );
        }
    }

    private static bool IsTransient(Exception e) =>
        GuardedHosts.Refused(e) is null && e is HttpRequestException or IOException or SocketException;

    /// <summary>Returns whether the host fails. A 4xx means that the host is up.</summary>
    private static bool IsHostFailure(Exception e) =>
        IsTransient(e)
        && e
            is not HttpRequestException
            {
                StatusCode: < HttpStatusCode.InternalServerError and not (HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout)
            };

    public void Dispose() => _client.Dispose();

    private async Task<byte[]> FollowAsync(Uri uri, CancellationToken cancellationToken)
    {
        for (var redirects = 0; ; redirects++)
        {
            _hosts.Check(uri);
            using var answer = await _client.GetAsync(uri, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if ((int)answer.StatusCode is >= 300 and < 400 && answer.Headers.Location is { } next)
            {
                if (redirects == MaxRedirects)
                    throw new ImageException(
                        ReferenceFailure.NotAllowed,
                        $"{Show(uri)} redirects more than {MaxRedirects} times. Name its final address."
                    );
                uri = new Uri(uri, next);
                continue;
            }
            if (answer.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Gone)
                throw new ImageException(ImageFailure.NotFound, $"{Show(uri)} does not exist: HTTP {(int)answer.StatusCode}.");
            if (answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
                throw new ImageException(ImageFailure.Unreadable, $"{Show(uri)} may not be read: HTTP {(int)answer.StatusCode}.");
            if (!answer.IsSuccessStatusCode)
                throw new HttpRequestException($"the host answers HTTP {(int)answer.StatusCode}", null, answer.StatusCode);
            return await BytesAsync(answer, uri, cancellationToken);
        }
    }

    private async Task<byte[]> BytesAsync(HttpResponseMessage answer, Uri uri, CancellationToken cancellationToken)
    {
        var maximum = _options.Limits.MaxBytes;
        if (answer.Content.Headers.ContentLength > maximum)
            throw TooMany(uri);
        await using var stream = await answer.Content.ReadAsStreamAsync(cancellationToken);
        return await BoundedRead.ToEndAsync(stream, maximum, cancellationToken) ?? throw TooMany(uri);
    }

    /// <summary>Throws when an address is not allowed.</summary>
    /// <exception cref="ImageException">The host or its port is not allowed.</exception>
    public void Check(Uri uri) => _hosts.Check(uri);

    private ImageException TooMany(Uri uri) =>
        new(ImageFailure.TooManyBytes, $"{Show(uri)} has more than {_options.Limits.MaxBytes} bytes, the limit.");

    /// <summary>Redacts an address: presigned ones have their signature in the query.</summary>
    private static string Show(Uri uri) => UriRedaction.Redact(uri.ToString());
}
