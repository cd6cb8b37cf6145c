using Microsoft.Extensions.Hosting;

namespace AgCam.Pipeline.Bus;

/// <summary>The broker may come up after us: tried again until it answers or the start's time is over.</summary>
internal sealed class TopologyStart(Topology topology, PipelineOptions options) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => Starting.UntilAsync(
        topology.DeclareAsync, options.Start, e => new BusException($"The broker could not be prepared: {e.Message}", e), cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
