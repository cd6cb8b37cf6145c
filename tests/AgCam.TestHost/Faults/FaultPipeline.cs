using System.Diagnostics;
using AgCam.Pipeline;
using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Stores;
using MongoDB.Driver;
using RabbitMQ.Client;

namespace AgCam.TestHost.Faults;

/// <summary>Pipeline with its own processes, prefix and two databases in the services' broker and store. Deleted at the end.</summary>
internal sealed class FaultPipeline(FaultOptions options, string folder, FaultLog log) : IAsyncDisposable
{
    private readonly string _prefix = $"faults-{Guid.NewGuid():N}"[..20];
    private readonly List<HostProcess> _processes = [];

    public string Pictures => Path.Combine(folder, "pictures");

    /// <summary>Database of the run with faults.</summary>
    public string Database => $"{_prefix}-a";

    /// <summary>Database of the run without faults.</summary>
    public string ReferenceDatabase => $"{_prefix}-b";

    public IStore Open(string database) =>
        PipelineRegistration.OpenStore(new PipelineOptions { Store = options.Mongo, Database = database });

    /// <summary>Starts a process of the run with faults.</summary>
    public HostProcess Start(string role, params string[] more) =>
        Launch([$"role={role}", $"database={Database}", $"bus={options.Rabbit}", $"prefix={_prefix}", "lease=5", "visibility=10", .. more]);

    /// <summary>Starts one process that does everything, with the database of the run without faults.</summary>
    public HostProcess StartReference() => Launch(["role=serve", $"database={ReferenceDatabase}"]);

    public Task RestartBrokerAsync(bool kill) => ScriptAsync(kill ? ["restart-rabbitmq", "--kill"] : ["restart-rabbitmq"]);

    public async Task StopStoreForAsync(TimeSpan time, bool kill)
    {
        await ScriptAsync(kill ? ["stop-mongo", "--kill"] : ["stop-mongo"]);
        await Task.Delay(time);
        await ScriptAsync("start-mongo");
    }

    /// <summary>Removes the binding of the bulk lane and purges its queue.</summary>
    /// <returns>The number of purged messages.</returns>
    public async Task<uint> UnbindAndPurgeAsync()
    {
        await using var connection = await new ConnectionFactory { Uri = new Uri(options.Rabbit) }.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync();
        await channel.QueueUnbindAsync($"{_prefix}-bulk", $"{_prefix}-bulk", "");
        return await channel.QueuePurgeAsync($"{_prefix}-bulk");
    }

    /// <returns>Differences from the topology, according to the broker's management API.</returns>
    public async Task<IReadOnlyList<string>> MissingAtBrokerAsync() =>
        (await new BusTopology(new PipelineOptions { Bus = options.Rabbit, Prefix = _prefix }).VerifyAsync(options.Management)).Differences;

    /// <summary>Sends SIGTERM and waits for the exit.</summary>
    public async Task StopAsync(string name, HostProcess process)
    {
        if (process.HasExited)
        {
            log.IsUnexpected($"{name} had ended with {process.ExitCode}: {process.Said}");
            return;
        }
        process.AskToStop();
        if (!await process.DiesAsync(90) || process.ExitCode != 0)
            log.IsUnexpected($"{name} did not stop in order: {process.Said}");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes)
            await process.DisposeAsync();
        using var client = new MongoClient(options.Mongo);
        foreach (var database in new[] { Database, ReferenceDatabase })
            await client.DropDatabaseAsync(database);
        await using var connection = await new ConnectionFactory { Uri = new Uri(options.Rabbit) }.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync();
        foreach (var name in new[] { "bulk", "interactive", "intake", "dead", "bulk_error", "interactive_error", "intake_error", "events" })
        {
            await channel.QueueDeleteAsync($"{_prefix}-{name}");
            await channel.ExchangeDeleteAsync($"{_prefix}-{name}");
        }
    }

    private HostProcess Launch(string[] arguments)
    {
        string[] common = [$"store={options.Mongo}", $"root={Pictures}", $"engine={(options.RealModel ? "model" : "null")}"];
        var process = HostProcess.Start(typeof(FaultPipeline).Assembly.Location, [.. arguments, .. common]);
        _processes.Add(process);
        return process;
    }

    private async Task ScriptAsync(params string[] arguments)
    {
        log.Say($"services: {string.Join(' ', arguments)}");
        using var script = Process.Start(new ProcessStartInfo(options.Services, arguments))!;
        await script.WaitForExitAsync();
        if (script.ExitCode != 0)
            throw new InvalidOperationException($"{options.Services} {string.Join(' ', arguments)} ended with {script.ExitCode}.");
    }
}
