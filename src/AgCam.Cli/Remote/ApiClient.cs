using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace AgCam.Cli.Remote;

/// <summary>A running agcam, over HTTP. A refusal becomes one line: what is wrong and what to do.</summary>
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

    public Task<JsonNode?> PostAsync(string path, JsonNode? body, string? key, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, path, () => body is null ? null : JsonContent.Create(body), key, cancellationToken);

    /// <summary>Sends until it is taken: told to come back later, it does.</summary>
    /// <param name="content">Made anew for each try.</param>
    /// <returns>Null where the answer has no body.</returns>
    /// <exception cref="UsageException">The request was refused.</exception>
    /// <exception cref="HttpRequestException">Nobody answers.</exception>
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

    /// <summary>The answer as it comes, for what is large or has no end.</summary>
    /// <exception cref="UsageException">The request was refused.</exception>
    /// <exception cref="HttpRequestException">Nobody answers, or a proxy whose server is away.</exception>
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
            // Not one of ours: a proxy's page, say.
        }
        return new UsageException(
            $"{answer.RequestMessage?.RequestUri} answered {(int)answer.StatusCode} {answer.ReasonPhrase}. Is --url an agcam?"
        );
    }
}
