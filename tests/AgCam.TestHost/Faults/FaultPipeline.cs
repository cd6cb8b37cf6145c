using System.Diagnostics;
using AgCam.Pipeline;
using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Stores;
using MongoDB.Driver;
using RabbitMQ.Client;

namespace AgCam.TestHost.Faults;

/// <summary>A pipeline of its own in the services' broker and store: processes, a prefix, two databases; all gone at the end.</summary>
internal sealed class FaultPipeline(FaultOptions options, string folder, FaultLog log) : IAsyncDisposable
{
    private readonly string _prefix = $"faults-{Guid.NewGuid():N}"[..20];
    private readonly List<HostProcess> _processes = [];

    public string Pictures => Path.Combine(folder, "pictures");

    /// <summary>Where the faults happen.</summary>
    public string Database => $"{_prefix}-a";

    /// <summary>Where none do.</summary>
    public string ReferenceDatabase => $"{_prefix}-b";

    public IStore Open(string database) =>
        PipelineRegistration.OpenStore(new PipelineOptions { Store = options.Mongo, Database = database });

    /// <summary>A process of the faulted pipeline.</summary>
    public HostProcess Start(string role, params string[] more) =>
        Launch([$"role={role}", $"database={Database}", $"bus={options.Rabbit}", $"prefix={_prefix}", "lease=5", "trust=10", .. more]);

    /// <summary>One process that does everything, over the other database: what the result must be.</summary>
    public HostProcess StartReference() => Launch(["role=serve", $"database={ReferenceDatabase}"]);

    public Task RestartBrokerAsync(bool kill) => ScriptAsync(kill ? ["restart-rabbitmq", "--kill"] : ["restart-rabbitmq"]);

    public async Task StopStoreForAsync(TimeSpan time, bool kill)
    {
        await ScriptAsync(kill ? ["stop-mongo", "--kill"] : ["stop-mongo"]);
        await Task.Delay(time);
        await ScriptAsync("start-mongo");
    }

    /// <summary>Removes the binding of the bulk lane, and every message that waits in its queue.</summary>
    /// <returns>How many messages waited.</returns>
    public async Task<uint> UnbindAndPurgeAsync()
    {
        await using var connection = await new ConnectionFactory { Uri = new Uri(options.Rabbit) }.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync();
        await channel.QueueUnbindAsync($"{_prefix}-bulk", $"{_prefix}-bulk", "");
        return await channel.QueuePurgeAsync($"{_prefix}-bulk");
    }

    /// <returns>What the broker lacks, by its management API.</returns>
    public async Task<IReadOnlyList<string>> MissingAtBrokerAsync() =>
        (await new BusTopology(new PipelineOptions { Bus = options.Rabbit, Prefix = _prefix }).VerifyAsync(options.Management)).Differences;

    /// <summary>SIGTERM, and the end that must follow it.</summary>
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
