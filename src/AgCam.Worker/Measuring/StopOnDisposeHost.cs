using Microsoft.Extensions.Hosting;

namespace AgCam.Worker.Measuring;

/// <summary>A host that is stopped before it is disposed, whatever ends what it was started for.</summary>
public sealed class StopOnDisposeHost(IHost host) : IHost, IAsyncDisposable
{
    public IServiceProvider Services => host.Services;

    public Task StartAsync(CancellationToken cancellationToken = default) => host.StartAsync(cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken = default) => host.StopAsync(cancellationToken);

    public void Dispose() => host.Dispose();

    public async ValueTask DisposeAsync()
    {
        await host.StopAsync();
        host.Dispose();
    }
}
