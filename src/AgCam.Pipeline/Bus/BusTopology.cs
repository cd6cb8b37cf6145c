using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using RabbitMQ.Client;

namespace AgCam.Pipeline.Bus;

/// <summary>Declares, verifies and prints the exchanges and queues that a pipeline needs on its broker.</summary>
public sealed class BusTopology
{
    private static readonly JsonSerializerOptions Readable = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly BrokerAddress _broker;
    private readonly Topology _topology;

    /// <exception cref="OptionsException">The options name no broker.</exception>
    public BusTopology(PipelineOptions options)
    {
        options = options.WithSecrets();
        OptionsException.ThrowIfInvalid(options, PipelineOptions.Section);
        var names = new BusNames(options.Prefix);
        _broker = BrokerAddress.Of(options);
        _topology = new Topology(_broker, names);
        Roles = BusRole.Of(names);
    }

    /// <summary>Address of the broker without the password.</summary>
    public string Broker => _broker.ToString();

    public string VirtualHost => _broker.VirtualHost;

    public IReadOnlyList<BusRole> Roles { get; }

    /// <summary>
    /// Returns the definitions that RabbitMQ imports with `rabbitmqctl import_definitions` or load_definitions.
    /// Users and permissions are not in them.
    /// </summary>
    public string Definitions() =>
        new JsonObject
        {
            ["vhosts"] = new JsonArray(new JsonObject { ["name"] = VirtualHost }),
            ["exchanges"] = new JsonArray([
                .. _topology.Plan.Exchanges.Select(name => new JsonObject
                {
                    ["name"] = name,
                    ["vhost"] = VirtualHost,
                    ["type"] = ExchangeType.Fanout,
                    ["durable"] = true,
                    ["auto_delete"] = false,
                    ["internal"] = false,
                    ["arguments"] = new JsonObject(),
                }),
            ]),
            ["queues"] = new JsonArray([
                .. _topology.Plan.Queues.Select(queue => new JsonObject
                {
                    ["name"] = queue.Name,
                    ["vhost"] = VirtualHost,
                    ["durable"] = true,
                    ["auto_delete"] = false,
                    ["arguments"] = new JsonObject(
                        queue
                            .Arguments.OrderBy(argument => argument.Key, StringComparer.Ordinal)
                            .Select(argument =>
                                KeyValuePair.Create(
                                    argument.Key,
                                    (JsonNode?)(
                                        argument.Value is int number ? JsonValue.Create(number) : JsonValue.Create($"{argument.Value}")
                                    )
                                )
                            )
                    ),
                }),
            ]),
            ["bindings"] = new JsonArray([
                .. _topology.Plan.Queues.Select(queue => new JsonObject
                {
                    ["source"] = queue.Name,
                    ["vhost"] = VirtualHost,
                    ["destination"] = queue.Name,
                    ["destination_type"] = "queue",
                    ["routing_key"] = "",
                    ["arguments"] = new JsonObject(),
                }),
            ]),
        }.ToJsonString(Readable) + "\n";

    /// <summary>Declares what is missing. Needs the permissions of the role setup.</summary>
    /// <exception cref="BusException">The broker does not answer, refuses, or has a different exchange or queue of that name.</exception>
    public Task ApplyAsync(CancellationToken cancellationToken = default) =>
        AskAsync(async () =>
        {
            await _topology.DeclareAsync(cancellationToken);
            return true;
        });

    /// <summary>Compares the broker with what is needed. Changes nothing and needs no configure permission.</summary>
    /// <param name="management">
    /// Address of the management API: http(s)://host:15672, with user:password for another user. When null, only names are compared.
    /// </param>
    /// <exception cref="BusException">The broker does not answer, or refuses.</exception>
    public Task<BusComparison> VerifyAsync(Uri? management, CancellationToken cancellationToken = default) =>
        AskAsync(async () =>
        {
            if (management is null)
                return await _topology.LookAsync(cancellationToken);
            using var api = new ManagementApi(management, _broker);
            return new BusComparison(await api.DifferencesAsync(_topology.Plan, cancellationToken), []);
        });

    private async Task<T> AskAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask();
        }
        catch (Exception e)
            when (e
                    is RabbitMQ.Client.Exceptions.RabbitMQClientException
                        or HttpRequestException
                        or JsonException
                        or IOException
                        or TimeoutException
            )
        {
            throw new BusException($"{Broker}: {(e.InnerException ?? e).Message}", e);
        }
    }
}

/// <summary>Differences between a broker and what is needed.</summary>
/// <param name="Differences">One sentence for each difference.</param>
/// <param name="Unseen">Exchanges and queues that the user has no permission to see.</param>
public sealed record BusComparison(IReadOnlyList<string> Differences, IReadOnlyList<string> Unseen);
