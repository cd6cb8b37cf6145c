using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;

namespace AgCam.Pipeline.Webhooks;

internal enum WebhookOutcome
{
    Delivered,

    /// <summary>The call is retried.</summary>
    Unanswered,

    /// <summary>The call is never retried.</summary>
    Refused,
}

/// <param name="Reason">Reason for the log, without the address's path and query, which may hold a token.</param>
internal sealed record WebhookAnswer(WebhookOutcome Outcome, string Reason);

/// <summary>
/// Calls a receiver once. The address is checked on connecting, by the rules for images; redirects are not followed.
/// </summary>
internal sealed class WebhookCall : IDisposable
{
    private readonly WebhookOptions _options;
    private readonly GuardedHosts _hosts;
    private readonly HttpClient _client;
    private readonly TimeProvider _clock;

    /// <exception cref="OptionsException">A host or a network is malformed.</exception>
    public WebhookCall(PipelineOptions options, TimeProvider clock)
    {
        (_options, _clock) = (options.Webhooks, clock);
        _hosts = new GuardedHosts(_options.AllHosts, _options.Networks, WebhookOptions.HostsSetting);
        _client = new HttpClient(_hosts.Handler()) { Timeout = TimeSpan.FromSeconds(_options.TimeoutSeconds) };
        _client.DefaultRequestHeaders.UserAgent.ParseAdd("agcam");
    }

    /// <summary>Maximum duration of an attempt.</summary>
    public TimeSpan Longest => _client.Timeout;

    /// <param name="auditReport">Stored report of the job's audit; null without one.</param>
    public async Task<WebhookAnswer> SendAsync(Job job, byte[]? auditReport, CancellationToken cancellationToken)
    {
        var (uri, body, seconds) = (new Uri(job.Spec.Webhook!), JobEvent.Body(job, auditReport), _clock.GetUtcNow().ToUnixTimeSeconds());
        using var request = new HttpRequestMessage(HttpMethod.Post, uri) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(JobEvent.MediaType);
        request.Headers.Add("webhook-id", job.Id.ToString());
        request.Headers.Add("webhook-timestamp", seconds.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add("webhook-signature", JobEvent.Signature(_options.Secret ?? "", job.Id, seconds, body));
        try
        {
            _hosts.Check(uri);
            using var answer = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            return new WebhookAnswer(
                answer.IsSuccessStatusCode ? WebhookOutcome.Delivered
                    : answer.StatusCode == HttpStatusCode.Gone ? WebhookOutcome.Refused
                    : WebhookOutcome.Unanswered,
                $"{uri.Host} answers {(int)answer.StatusCode}"
            );
        }
        catch (Exception e) when (GuardedHosts.Refused(e) is { } refused)
        {
            return new WebhookAnswer(WebhookOutcome.Refused, refused.Message);
        }
        catch (Exception e)
            when (e is HttpRequestException or IOException or SocketException
                || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested)
            )
        {
            return new WebhookAnswer(
                WebhookOutcome.Unanswered,
                $"{uri.Host} does not answer: "
                    + $"{(e is OperationCanceledException ? $"nothing in {_options.TimeoutSeconds} seconds" : e.Message)}"
            );
        }
    }

    public void Dispose() => _client.Dispose();
}
