using System.Net;
using System.Net.Http.Headers;

namespace AgCam.Models.Hub;

/// <summary>
/// Sends HTTP requests to the Hub with a timeout for each read and retries. It follows redirects itself, so that only the Hub's host
/// receives the token.
/// </summary>
internal sealed class HubTransport : IDisposable
{
    private const int MaxRedirects = 8;
    private static readonly TimeSpan MaxBackoff = TimeSpan.FromSeconds(30);

    private readonly HubOptions _options;
    private readonly Uri _endpoint;
    private readonly HttpClient _http;

    public HubTransport(HubOptions options)
    {
        _options = options;
        _endpoint = new Uri(options.Endpoint);
        _http = new HttpClient(
            new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                UseCookies = false,
                ConnectTimeout = options.Timeout,
            }
        )
        {
            Timeout = Timeout.InfiniteTimeSpan, // each read has a timeout, not the whole download
        };
        var version = typeof(HubTransport).Assembly.GetName().Version?.ToString(3) ?? "0";
        _http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("agcam", version));
        _http.DefaultRequestHeaders.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity")); // lengths must be those of the file
    }

    public void Dispose() => _http.Dispose();

    /// <summary>Sends a request and follows redirects.</summary>
    /// <param name="from">Offset of the first requested byte.</param>
    /// <param name="stopAt">Returns true for a redirect to return instead of follow.</param>
    public async Task<HttpResponseMessage> SendAsync(
        HttpMethod method,
        Uri address,
        long from,
        Func<HttpResponseMessage, bool>? stopAt,
        CancellationToken cancellationToken
    )
    {
        for (var redirects = 0; redirects <= MaxRedirects; redirects++)
        {
            using var request = new HttpRequestMessage(method, address);
            if (from > 0)
                request.Headers.Range = new RangeHeaderValue(from, null);
            if (_options.Token is { } token && IsEndpoint(address))
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);

            var response = await WithinTimeoutAsync(
                limit => _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit),
                cancellationToken
            );
            if (
                response.StatusCode
                    is not (
                        HttpStatusCode.MovedPermanently
                        or HttpStatusCode.Found
                        or HttpStatusCode.SeeOther
                        or HttpStatusCode.TemporaryRedirect
                        or HttpStatusCode.PermanentRedirect
                    )
                || stopAt?.Invoke(response) == true
            )
                return response;
            using (response)
            {
                if (response.Headers.Location is not { } location)
                    throw new ModelException(
                        ModelFailure.HubBadAnswer,
                        $"{address.Host} redirects without a Location header. Check HF_ENDPOINT."
                    );
                var next = new Uri(address, location);
                if (next.Scheme is not ("http" or "https"))
                    throw new ModelException(
                        ModelFailure.HubBadAnswer,
                        $"{address.Host} redirects to {PrintableName.Of(next.Scheme)}, which is neither http nor https. Check HF_ENDPOINT."
                    );
                address = next;
            }
        }

        throw new ModelException(
            ModelFailure.HubBadAnswer,
            $"{_endpoint.Host} redirects more than {MaxRedirects} times. Check HF_ENDPOINT."
        );
    }

    /// <summary>Runs one network operation within the timeout.</summary>
    public async Task<T> WithinTimeoutAsync<T>(Func<CancellationToken, Task<T>> step, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_options.Timeout);
        try
        {
            return await step(limit.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new IOException($"no response within {_options.Timeout.TotalSeconds:0.#} s");
        }
    }

    /// <summary>
    /// Retries transient failures. <paramref name="progress"/> returns the bytes received: an attempt that increases it resets the count of
    /// failures.
    /// </summary>
    public async Task<T> WithRetriesAsync<T>(
        string subject,
        Func<Task<T>> attempt,
        Func<long> progress,
        CancellationToken cancellationToken
    )
    {
        for (var failures = 0; ; )
        {
            var before = progress();
            try
            {
                return await attempt();
            }
            catch (Exception error)
                when (error is HttpRequestException or IOException or HubBusyException && !cancellationToken.IsCancellationRequested)
            {
                failures = progress() > before ? 1 : failures + 1;
                if (failures >= _options.Attempts)
                    throw new ModelException(
                        ModelFailure.HubUnreachable,
                        $"{subject} could not be downloaded from {_endpoint.Host} in {failures} attempts: {error.Message}. "
                            + "Check the connection and HF_ENDPOINT. The same command resumes the download.",
                        error
                    );
                await Task.Delay(Backoff(failures, (error as HubBusyException)?.RetryAfter), cancellationToken);
            }
        }
    }

    private bool IsEndpoint(Uri address) =>
        Uri.Compare(address, _endpoint, UriComponents.SchemeAndServer, UriFormat.SafeUnescaped, StringComparison.OrdinalIgnoreCase) == 0;

    private TimeSpan Backoff(int failures, TimeSpan? retryAfter)
    {
        var delay = retryAfter ?? _options.Backoff * Math.Pow(2, failures - 1);
        return delay < MaxBackoff ? delay : MaxBackoff;
    }
}

/// <summary>Reports that the server is busy: 429 or 5xx.</summary>
internal sealed class HubBusyException(string message, TimeSpan? retryAfter) : Exception(message)
{
    public TimeSpan? RetryAfter { get; } = retryAfter;
}
