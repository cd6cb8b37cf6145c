using AgCam.Pipeline.Bus.Locked;
using AgCam.Pipeline.Messages;
using MassTransit;
using MassTransit.Middleware;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace AgCam.Pipeline.Bus;

/// <summary>Registers the bus: MassTransit in memory, or over RabbitMQ.</summary>
internal static class BusRegistration
{
    public static void AddExplainBus(this IServiceCollection services, PipelineOptions options)
    {
        services.AddSingleton(new BusNames(options.Prefix));
        services.AddSingleton<ExplainEvents>();
        services.AddSingleton<FaultedMessages>();
        services.Configure<MassTransitHostOptions>(host =>
        {
            host.WaitUntilStarted = true; // an earlier send would be lost
            host.StartTimeout = options.Start;
            host.StopTimeout = TimeSpan.FromSeconds(options.StopSeconds);
            host.ConsumerStopTimeout = TimeSpan.FromSeconds(options.ConsumerStopSeconds);
        });
        if (options.IsInMemory)
        {
            services.TryAddSingleton<IExplainBus, InProcessBus>();
            services.AddMassTransit(x =>
            {
                x.DisableUsageTelemetry();
                x.UsingInMemory((context, bus) => InMemory(context, bus));
            });
            return;
        }

        var broker = BrokerAddress.Of(options);
        services.AddSingleton(broker);
        services.AddSingleton<Topology>();
        services.AddHostedService<TopologyStart>();
        if (options.Topology == TopologyMode.Verify)
            services.AddSingleton<IBrokerTransport, PassiveTopologyTransport>();
        else
            services.AddSingleton<IBrokerTransport, MassTransitTransport>();
        services.TryAddSingleton<IExplainBus, BrokerBus>();
        services.AddMassTransit(x =>
        {
            x.DisableUsageTelemetry();
            x.UsingRabbitMq((context, bus) => RabbitMq(context, bus, broker, options));
        });
    }

    private static void InMemory(IBusRegistrationContext context, IInMemoryBusFactoryConfigurator bus)
    {
        var names = context.GetRequiredService<BusNames>();
        if (context.GetService<LaneConcurrency>() is not { } concurrency)
            return;
        var handler = new Lazy<IExplainHandler>(context.GetRequiredService<IExplainHandler>);
        foreach (var lane in Enum.GetValues<Lane>())
            bus.ReceiveEndpoint(
                names.Of(lane),
                endpoint =>
                {
                    endpoint.ConcurrentMessageLimit = concurrency.Of(lane);
                    endpoint.PublishFaults = false;
                    endpoint.ConfigureConsumeTopology = false;
                    endpoint.Instance(new ExplainConsumer(handler));
                }
            );
    }

    private static void RabbitMq(
        IBusRegistrationContext context,
        IRabbitMqBusFactoryConfigurator bus,
        BrokerAddress broker,
        PipelineOptions options
    )
    {
        var names = context.GetRequiredService<BusNames>();
        var faulted = context.GetRequiredService<FaultedMessages>();
        broker.Configure(bus);
        if (context.GetService<LaneConcurrency>() is { } concurrency)
        {
            var handler = new Lazy<IExplainHandler>(context.GetRequiredService<IExplainHandler>);
            foreach (var lane in Enum.GetValues<Lane>())
                bus.ReceiveEndpoint(
                    names.Of(lane),
                    endpoint =>
                    {
                        Durable(endpoint, names, faulted, options);
                        // One message waits in the process. More would be requeued, and count as delivered, when the process stops.
                        endpoint.PrefetchCount = concurrency.Of(lane) + 1;
                        endpoint.ConcurrentMessageLimit = concurrency.Of(lane);
                        endpoint.Instance(new ExplainConsumer(handler));
                    }
                );
            bus.ReceiveEndpoint(
                names.Intake,
                endpoint =>
                {
                    Durable(endpoint, names, faulted, options);
                    endpoint.PrefetchCount = 8;
                    endpoint.ClearSerialization();
                    endpoint.UseRawJsonSerializer(RawSerializerOptions.AnyMessageType, isDefault: true);
                    endpoint.Instance(new IntakeConsumer(new Lazy<IExplainBus>(context.GetRequiredService<IExplainBus>)));
                }
            );
        }
        if (options is { RunJobs: true, SubscribeToEvents: true })
            bus.ReceiveEndpoint(
                $"{names.EventSubscriber}-{Guid.NewGuid():N}",
                endpoint =>
                {
                    // The broker deletes it with the connection.
                    (endpoint.Durable, endpoint.AutoDelete, endpoint.Exclusive) = (false, true, true);
                    PassiveTopology(endpoint, names, options);
                    endpoint.ConfigureConsumeTopology = false;
                    endpoint.PublishFaults = false;
                    endpoint.PrefetchCount = 100;
                    endpoint.Bind(names.Events, exchange => exchange.ExchangeType = "fanout");
                    endpoint.Instance(new EventConsumer(context.GetRequiredService<ExplainEvents>()));
                }
            );
    }

    private static void Durable(
        IRabbitMqReceiveEndpointConfigurator endpoint,
        BusNames names,
        FaultedMessages faulted,
        PipelineOptions options
    )
    {
        PassiveTopology(endpoint, names, options);
        endpoint.SetQuorumQueue();
        foreach (var (name, value) in names.QueueArguments)
            endpoint.SetQueueArgument(name, value);
        endpoint.ConfigureConsumeTopology = false;
        endpoint.PublishFaults = false;
        endpoint.ThrowOnSkippedMessages(); // otherwise they go to a _skipped queue, without a reason
        endpoint.ConfigureError(error =>
        {
            error.UseFilter(faulted);
            error.UseFilter(new ErrorTransportFilter());
        });
    }

    /// <summary>
    /// Limits what MassTransit declares: only this process's own queue when the topology is verified, and never an error queue.
    /// MassTransit would declare error queues as classic queues.
    /// </summary>
    private static void PassiveTopology(IRabbitMqReceiveEndpointConfigurator endpoint, BusNames names, PipelineOptions options)
    {
        var errorQueues = new[] { names.Bulk, names.Interactive, names.Intake }.Select(BusNames.ErrorQueue).ToHashSet();
        Func<string, bool> mayDeclare =
            options.Topology == TopologyMode.Verify
                ? name => name.StartsWith(names.EventSubscriber, StringComparison.Ordinal)
                : name => !errorQueues.Contains(name);
        endpoint.ConfigureChannel(channel => channel.UseFilter(new PassiveTopologyChannels(mayDeclare)));
    }
}
