using System.Net;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AgCam.Worker;

/// <summary>
/// Answers health checks. Live: the worker's loops run. Ready: its models are loaded and it receives work.
/// An unavailable broker or store fails neither: the worker waits for it, and a restart would only load the models again.
/// </summary>
internal sealed class WorkerHealth(WorkerOptions options, WorkerLoops loops, IHostApplicationLifetime generation, ILogger<WorkerHealth> log)
    : IHostedLifecycleService,
        IDisposable
{
    private readonly HttpListener _listener = new();
    private Task _answering = Task.CompletedTask;

    /// <summary>Starts to listen before the models are loaded, which takes longest.</summary>
    public Task StartingAsync(CancellationToken cancellationToken)
    {
        _listener.Prefixes.Add(options.HealthListen!);
        try
        {
            _listener.Start();
        }
        catch (HttpListenerException taken)
        {
            throw new Pipeline.OptionsException($"Worker:HealthListen: cannot listen on {options.HealthListen}: {taken.Message}");
        }
        _answering = AnswerAsync();
        return Task.CompletedTask;
    }

    public async Task StoppedAsync(CancellationToken cancellationToken)
    {
        _listener.Stop();
        await _answering;
    }

    private async Task AnswerAsync()
    {
        while (_listener.IsListening)
            try
            {
                var call = await _listener.GetContextAsync();
                call.Response.StatusCode = call.Request.Url?.AbsolutePath switch
                {
                    "/health/live" => Code(loops.AreWhole),
                    "/health/ready" => Code(
                        loops.AreWhole
                            && generation.ApplicationStarted.IsCancellationRequested
                            && !generation.ApplicationStopping.IsCancellationRequested
                    ),
                    _ => 404,
                };
                call.Response.Close();
            }
            catch (Exception gone) when (gone is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                if (_listener.IsListening)
                    log.LogDebug("A health check disconnected: {Reason}", gone.Message);
            }
    }

    private static int Code(bool well) => well ? 200 : 503;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _listener.Close();
}
