using Microsoft.Extensions.Hosting;

namespace AgCam.Pipeline.Bus;

/// <summary>Declares or verifies the topology at start. Retries until the broker answers or the start timeout ends.</summary>
internal sealed class TopologyStart(Topology topology, BusNames names, PipelineOptions options, LaneConcurrency? work = null)
    : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) =>
        StartupRetry.UntilAsync(
            options.Topology == TopologyMode.Apply ? topology.DeclareAsync : VerifyAsync,
            options.Start,
            e => new BusException($"The broker could not be prepared: {e.Message}", e),
            cancellationToken
        );

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task VerifyAsync(CancellationToken cancellationToken)
    {
        var found = await topology.LookAsync(cancellationToken);
        var refused = found.Unseen.Intersect(Needed()).Select(thing => $"This user has no permission on {thing}.");
        if (found.Differences.Concat(refused).ToList() is { Count: > 0 } problems)
            throw new BusException(
                $"{string.Join(" ", problems)} Pipeline:Topology is Verify, so this process declares nothing: run `agcam topology "
                    + $"apply` as a user with the role setup, and grant what `agcam topology print` lists."
            );
        if (options is { RunJobs: true, SubscribeToEvents: true })
            await topology.TrySubscribingAsync(cancellationToken);
    }

    private IEnumerable<string> Needed()
    {
        string[] sent = [names.Bulk, names.Interactive, names.Events],
            read = [names.Bulk, names.Interactive, names.Intake];
        return sent.Select(name => $"Exchange {name}")
            .Concat(work is null ? [] : read.Concat(read.Select(BusNames.ErrorQueue)).Select(name => $"Queue {name}"));
    }
}
