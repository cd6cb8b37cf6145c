using System.Net;
using System.Net.Http.Headers;

namespace AgCam.Models.Hub;

/// <summary>HTTP as the Hub needs it: redirects by hand, so that the token stays with its host; a limit on silence; retries.</summary>
internal sealed class HubTransport : IDisposable
{
    private const int MaxRedirects = 8;
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

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
            Timeout = Timeout.InfiniteTimeSpan, // silence is limited, not the whole of a long download
        };
        var version = typeof(HubTransport).Assembly.GetName().Version?.ToString(3) ?? "0";
        _http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("agcam", version));
        _http.DefaultRequestHeaders.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity")); // lengths are those of the file
    }

    public void Dispose() => _http.Dispose();

    /// <summary>Sends one request and follows where it is sent on.</summary>
    /// <param name="from">Ask for the bytes from here on only.</param>
    /// <param name="stopAt">A redirect to be answered instead of followed.</param>
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
                        $"{address.Host} redirects without saying where to. Check HF_ENDPOINT."
                    );
                var next = new Uri(address, location);
                if (next.Scheme is not ("http" or "https"))
                    throw new ModelException(
                        ModelFailure.HubBadAnswer,
                        $"{address.Host} redirects to {PrintableName.Of(next.Scheme)}, which is not the web. Check HF_ENDPOINT."
                    );
                address = next;
            }
        }

        throw new ModelException(
            ModelFailure.HubBadAnswer,
            $"{_endpoint.Host} redirects more than {MaxRedirects} times. Check HF_ENDPOINT."
        );
    }

    /// <summary>Runs one step of network work, no longer than the server may be silent.</summary>
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
            throw new IOException($"no answer for {_options.Timeout.TotalSeconds:0.#} s");
        }
    }

    /// <summary>
    /// Repeats what fails for a passing reason. <paramref name="progress"/> counts bytes: a try that moved it is not a failure in a row.
    /// </summary>
    public async Task<T> WithRetriesAsync<T>(string what, Func<Task<T>> attempt, Func<long> progress, CancellationToken cancellationToken)
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
                        $"{what} could not be fetched from {_endpoint.Host} in {failures} tries: {error.Message}. "
                            + "Check the connection (and HF_ENDPOINT); what was received is kept, "
                            + "so the same command goes on from there.",
                        error
                    );
                await Task.Delay(Pause(failures, (error as HubBusyException)?.RetryAfter), cancellationToken);
            }
        }
    }

    private bool IsEndpoint(Uri address) =>
        Uri.Compare(address, _endpoint, UriComponents.SchemeAndServer, UriFormat.SafeUnescaped, StringComparison.OrdinalIgnoreCase) == 0;

    private TimeSpan Pause(int failures, TimeSpan? asked)
    {
        var pause = asked ?? _options.Backoff * Math.Pow(2, failures - 1);
        return pause < LongestPause ? pause : LongestPause;
    }
}

/// <summary>The server answers that it cannot now: 429 or 5xx.</summary>
internal sealed class HubBusyException(string message, TimeSpan? retryAfter) : Exception(message)
{
    public TimeSpan? RetryAfter { get; } = retryAfter;
}
