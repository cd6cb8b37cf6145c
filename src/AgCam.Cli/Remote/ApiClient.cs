using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using AgCam.Api;

namespace AgCam.Cli.Remote;

/// <summary>HTTP client of a running agcam. An error answer becomes one line: the reason and the next step.</summary>
internal sealed class ApiClient : IDisposable
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(2);

    private readonly HttpClient _http;

    public ApiClient(Uri url, string? apiKey)
    {
        _http = new HttpClient { BaseAddress = url, Timeout = TimeSpan.FromMinutes(10) };
        _http.DefaultRequestHeaders.Authorization = apiKey is null ? null : new AuthenticationHeaderValue("Bearer", apiKey);
    }

    public Uri Url => _http.BaseAddress!;

    public Task<JsonNode?> GetAsync(string path, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, path, null, null, cancellationToken);

    /// <param name="body">A request record of the API.</param>
    public Task<JsonNode?> PostAsync<T>(string path, T body, string? key, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, path, () => JsonContent.Create(body, options: ApiJson.Options), key, cancellationToken);

    /// <summary>Sends a request, and repeats it after a 429 or 503 with Retry-After.</summary>
    /// <param name="content">Creates the content; called for each attempt.</param>
    /// <returns>Null when the answer has no body.</returns>
    /// <exception cref="UsageException">The request was refused.</exception>
    /// <exception cref="HttpRequestException">The server does not answer.</exception>
    public async Task<JsonNode?> SendAsync(
        HttpMethod method,
        string path,
        Func<HttpContent?>? content,
        string? key,
        CancellationToken cancellationToken
    )
    {
        while (true)
        {
            using var request = new HttpRequestMessage(method, path) { Content = content?.Invoke() };
            if (key is not null)
                request.Headers.Add("Idempotency-Key", key);
            using var answer = await _http.SendAsync(request, cancellationToken);
            if ((int)answer.StatusCode is 429 or 503 && answer.Headers.RetryAfter?.Delta is { } pause && pause <= LongestPause)
            {
                await Task.Delay(pause, cancellationToken);
                continue;
            }
            var text = await answer.Content.ReadAsStringAsync(cancellationToken);
            if (!answer.IsSuccessStatusCode)
                throw Refused(answer, text);
            return text.Length == 0 ? null : JsonNode.Parse(text);
        }
    }

    /// <summary>Returns the answer as a stream, for large or endless ones.</summary>
    /// <exception cref="UsageException">The request was refused.</exception>
    /// <exception cref="HttpRequestException">The server does not answer, or a proxy answers for it.</exception>
    public async Task<Stream> OpenAsync(string path, CancellationToken cancellationToken)
    {
        var answer = await _http.GetAsync(path, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (answer.IsSuccessStatusCode)
            return await answer.Content.ReadAsStreamAsync(cancellationToken);
        if ((int)answer.StatusCode is 502 or 503 or 504)
        {
            answer.Dispose();
            throw new HttpRequestException($"it answers {(int)answer.StatusCode}.");
        }
        using (answer)
            throw Refused(answer, await answer.Content.ReadAsStringAsync(cancellationToken));
    }

    public void Dispose() => _http.Dispose();

    private static UsageException Refused(HttpResponseMessage answer, string text)
    {
        try
        {
            var problem = JsonNode.Parse(text);
            if ((string?)problem?["detail"] is { } detail)
                return new UsageException($"{detail} {(string?)problem["next"]}".TrimEnd());
        }
        catch (Exception other) when (other is JsonException or InvalidOperationException)
        {
            // Not an answer of the API, e.g. a page of a proxy.
        }
        return new UsageException(
            $"{answer.RequestMessage?.RequestUri} answered {(int)answer.StatusCode} {answer.ReasonPhrase}. "
                + "Is --url the address of an agcam server?"
        );
    }
}
