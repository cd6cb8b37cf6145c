using Microsoft.Extensions.Hosting;

namespace AgCam.Pipeline.Bus;

/// <summary>The broker may come up after us: tried again until it answers or the start's time is over.</summary>
internal sealed class TopologyStart(Topology topology, PipelineOptions options) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => Starting.UntilAsync(
        options.Topology == TopologyMode.Apply ? topology.DeclareAsync : VerifyAsync, options.Start, e => new BusException($"The broker could not be prepared: {e.Message}", e), cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task VerifyAsync(CancellationToken cancel)
    {
        if (await topology.MissingAsync(cancel) is { Count: > 0 } missing)
            throw new BusException($"{string.Join(" ", missing)} Pipeline:Topology is Verify, so nothing is declared here: run `agcam topology apply` as a user who may, or import what `agcam topology print` prints.");
        if (options is { RunJobs: true, HearEvents: true })
            await topology.TryHearingAsync(cancel);
    }
}
