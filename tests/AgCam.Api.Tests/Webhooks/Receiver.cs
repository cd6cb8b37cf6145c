using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace AgCam.Api.Tests.Webhooks;

internal sealed record Call(string Id, string Timestamp, string Signature, string? MediaType, byte[] Body);

/// <summary>Webhook endpoint that records its calls and answers with given status codes.</summary>
internal sealed class Receiver : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<Call> _calls = new();
    private int _count;

    private Receiver(WebApplication app) => _app = app;

    public IReadOnlyList<Call> Calls => [.. _calls];

    /// <summary>Address with a host name that resolves to this machine.</summary>
    public string Url => _app.Urls.First().Replace("127.0.0.1", "localhost", StringComparison.Ordinal) + "/completed?token=secret";

    /// <param name="answer">The status of the nth call, from 0.</param>
    public static async Task<Receiver> StartAsync(Func<int, int> answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var receiver = new Receiver(builder.Build());
        receiver._app.Run(async http =>
        {
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body);
            string Header(string name) => http.Request.Headers[name].ToString();
            receiver._calls.Enqueue(
                new Call(
                    Header("webhook-id"),
                    Header("webhook-timestamp"),
                    Header("webhook-signature"),
                    http.Request.ContentType,
                    body.ToArray()
                )
            );
            http.Response.StatusCode = answer(receiver._count++);
            if (http.Response.StatusCode is 302)
                http.Response.Headers.Location = "/elsewhere";
        });
        await receiver._app.StartAsync();
        return receiver;
    }

    public async Task<IReadOnlyList<Call>> WaitAsync(int calls)
    {
        await Eventually.TrueAsync(() => _calls.Count >= calls, () => $"{_calls.Count} calls of {calls}");
        return Calls;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
